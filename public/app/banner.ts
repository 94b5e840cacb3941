/** How the connection stands: in the side bar always, above the conversation when it is not up. */

import { find, setText } from "./element.ts";
import type { Session } from "./session.ts";

const calmMs = 600; // a reconnect shorter than this is not worth a banner

/** Shows the connection's state, with the reason and a countdown. */
export class Banner {
  readonly #banner = find("banner", HTMLElement);
  readonly #text = find("banner-text", HTMLElement);
  readonly #now = find("banner-now", HTMLButtonElement);
  readonly #state = find("state", HTMLElement);
  readonly #session: Session;
  #downSince = Date.now();
  #reason = "";

  constructor(session: Session) {
    this.#session = session;
    this.#now.onclick = () => session.reconnect();
    setInterval(() => this.render(), 250);
  }

  /** Shows what the session holds now. */
  render(): void {
    const { state } = this.#session;
    if (state.kind === "open") {
      this.#downSince = 0;
      this.#reason = "";
    } else if (this.#downSince === 0) this.#downSince = Date.now();
    const isCalm = this.#downSince > 0 && Date.now() - this.#downSince < calmMs;
    const isDown = state.kind !== "open" && !isCalm;
    // Without a token nothing is wrong with the line: the page asks for one elsewhere.
    this.#banner.hidden = !isDown || state.kind === "barred";
    this.#state.classList.toggle("down", isDown);
    setText(this.#state, state.kind === "open" ? "Connected" : isDown ? "Not connected" : "…");
    if (!isDown) return;
    if (state.kind === "waiting") this.#reason = state.reason;
    const seconds = state.kind === "waiting" ? Math.ceil((state.retryAt - Date.now()) / 1000) : 0;
    const next = seconds > 0 ? `Connecting again in ${seconds} s.` : "Connecting…";
    setText(this.#text, `${this.#reason} ${next} What you write is kept.`.trim());
    this.#now.hidden = seconds <= 0;
  }
}
