/** How the connection stands: in the side bar always, above the conversation when it is not up. */

import type { ConnectionState } from "./connection-state.ts";
import { find, setText } from "./element.ts";

const calmMs = 600; // a reconnect shorter than this is not worth a banner

/** What connects, and connects again. */
export interface Line {
  readonly state: ConnectionState;
  reconnect(): void;
}

/** Shows the connection's state, with the reason and a countdown. */
export class Banner {
  readonly #banner = find("banner", HTMLElement);
  readonly #text = find("banner-text", HTMLElement);
  readonly #now = find("banner-now", HTMLButtonElement);
  readonly #state = find("state", HTMLElement);
  readonly #line: Line;
  readonly #meanwhile: string;
  #downSince = Date.now();
  #reason = "";

  /** `meanwhile` says what becomes of the page until the line is back. */
  constructor(line: Line, meanwhile: string) {
    this.#line = line;
    this.#meanwhile = meanwhile;
    this.#now.onclick = () => line.reconnect();
    setInterval(() => this.render(), 250);
  }

  /** Shows how the line stands now. */
  render(): void {
    const { state } = this.#line;
    if (state.kind === "open") {
      this.#downSince = 0;
      this.#reason = "";
    } else if (this.#downSince === 0) this.#downSince = Date.now();
    const isCalm = this.#downSince > 0 && Date.now() - this.#downSince < calmMs;
    const isDown = state.kind !== "open" && !isCalm;
    // Without a token nothing is wrong with the line: the page asks for one elsewhere.
    this.#banner.hidden = !isDown || state.kind === "barred";
    this.#state.classList.toggle("down", isDown);
    const isOverSse = state.kind === "open" && state.transport === "sse";
    const connected = isOverSse ? "Connected over SSE" : "Connected";
    setText(this.#state, state.kind === "open" ? connected : isDown ? "Not connected" : "…");
    this.#state.title = isOverSse ? "WebSocket does not get through here." : "";
    if (!isDown) return;
    if (state.kind === "waiting") this.#reason = state.reason;
    const seconds = state.kind === "waiting" ? Math.ceil((state.retryAt - Date.now()) / 1000) : 0;
    const next = seconds > 0 ? `Connecting again in ${seconds} s.` : "Connecting…";
    setText(this.#text, `${this.#reason} ${next} ${this.#meanwhile}`.trim());
    this.#now.hidden = seconds <= 0;
  }
}
