/** How the server is doing: `$server` and `$clock` over SSE. Closed while nobody can see it. */

import type { Line, Message, Welcome } from "../../src/client/contract.ts";
import { connect } from "../../src/client/index.ts";
import { element, find, setText } from "./element.ts";
import type { Session } from "./session.ts";
import { Sparkline } from "./sparkline.ts";
import { fetchAs } from "./token.ts";
import { bytesText } from "./words.ts";

const pointsMax = 60;
const clockFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const numberFormat = new Intl.NumberFormat("en");

interface Chart {
  readonly field: string;
  readonly value: HTMLElement;
  readonly sparkline: Sparkline;
  readonly write: (value: number) => string;
}

/** Shows three numbers with their last minute, and the server's time. */
export class LiveView {
  readonly #details = find("live", HTMLDetailsElement);
  readonly #clock = find("live-clock", HTMLElement);
  readonly #hint = find("live-hint", HTMLElement);
  readonly #charts: Chart[];
  readonly #session: Session;
  #token: string | undefined;
  #welcome: Welcome | null = null;
  #isRefused = false;
  /** Whether it was asked if somebody with this token may look. */
  #isAllowed: boolean | undefined;
  #values: Record<string, unknown>[] = [];
  #line: Line | undefined;

  constructor(session: Session) {
    this.#session = session;
    // Whoever may not look at it does not see that there is something.
    this.#details.style.visibility = "hidden";
    this.#charts = [
      createChart("connections", "Connections", (value) => numberFormat.format(value)),
      createChart("deliveriesPerSecond", "Deliveries a second", (value) =>
        numberFormat.format(value),
      ),
      createChart("rssBytes", "Memory", bytesText),
    ];
    const update = () => this.update();
    this.#details.addEventListener("toggle", update);
    document.addEventListener("visibilitychange", update);
    // In a closed sheet it has no size either: that is how it learns that it is hidden.
    new ResizeObserver(update).observe(this.#details);
    this.update();
  }

  /** Follows the rooms while the panel can be seen, and not otherwise. */
  update(): void {
    const { access, welcome, state } = this.#session;
    if (this.#token !== access.token) {
      this.#token = access.token;
      this.#isRefused = false; // another token may allow it
      this.#isAllowed = undefined;
      this.#leave(); // the next one goes by the token of now
    }
    if (this.#welcome !== welcome) {
      this.#welcome = welcome;
      this.#line?.retry(); // the server is back
    }
    this.#details.hidden = this.#isRefused;
    const isSeen =
      welcome !== null &&
      state.kind !== "barred" &&
      this.#details.open &&
      document.visibilityState === "visible" &&
      this.#details.getClientRects().length > 0;
    if (isSeen === (this.#line !== undefined)) return;
    if (!isSeen) this.#leave();
    else if (this.#isAllowed === undefined) this.#ask(this.#token);
    else if (this.#isAllowed) this.#follow();
  }

  /** Asks for what may be read: a stream that is refused would be an error in the browser's console. */
  async #ask(token: string | undefined): Promise<void> {
    this.#isAllowed = false; // not twice
    try {
      const answer = await fetchAs(token, "rooms?after=%23&limit=1"); // their names come first
      const { rooms } = await answer.json();
      if (token !== this.#token) return;
      this.#isAllowed = rooms?.[0]?.room.startsWith("$") === true;
      this.#isRefused = !this.#isAllowed;
    } catch {
      this.#isAllowed = undefined; // The server is away; the next welcome asks again.
      return;
    }
    this.update();
  }

  #leave(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.close();
  }

  #follow(): void {
    this.#values = [];
    // Over SSE one is an observer: a member would be told to all others.
    const line = connect(new URL(".", location.href), { token: this.#token, transport: "sse" });
    this.#line = line;
    line.on("state", ({ name }) => {
      if (line !== this.#line) return; // nobody looks any more
      const isOpen = name === "open";
      setText(this.#hint, isOpen ? "" : "Not connected. The numbers above are old.");
      if (isOpen) this.#session.reconnect(); // the server is back for that line, too
    });
    for (const name of ["$clock", "$server"]) {
      // The whole minute that is kept comes first, so the lines are there at once.
      const room = line.join(name, { since: "start" });
      room.on("message", (message) => this.#hear(message));
      room.on("error", () => {
        this.#isRefused = true;
        this.update();
      });
    }
  }

  #hear({ room, content }: Message): void {
    this.#details.style.visibility = "";
    if (typeof content !== "object" || content === null) return;
    if (room === "$clock") {
      const now = "timestamp" in content ? content.timestamp : undefined;
      if (typeof now === "number") setText(this.#clock, clockFormat.format(now));
      return;
    }
    this.#values = [...this.#values, { ...content }].slice(-pointsMax);
    for (const { field, value, sparkline, write } of this.#charts) {
      const series = this.#values.map((each) => Number(each[field]) || 0);
      setText(value, write(series.at(-1) ?? 0));
      sparkline.draw(series);
    }
  }
}

function createChart(field: string, label: string, write: (value: number) => string): Chart {
  const value = element("span", { className: "value" }, "–");
  const sparkline = new Sparkline(pointsMax);
  const chart = element("div", { className: "chart" });
  chart.append(element("span", { className: "meta" }, label), value, sparkline.element);
  find("live-charts", HTMLElement).append(chart);
  return { field, value, sparkline, write };
}
