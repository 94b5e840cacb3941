/** How the server is doing: `$server` and `$clock` over SSE. Closed while nobody can see it. */

import type { MessageFrame } from "../../src/protocol/frame.ts";
import { element, find, setText } from "./element.ts";
import type { Session } from "./session.ts";
import { Sparkline } from "./sparkline.ts";
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
  #values: Record<string, unknown>[] = [];
  #stream: EventSource | undefined;

  constructor(session: Session) {
    this.#session = session;
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
    const { access, mayWatchServer, state } = this.#session;
    this.#details.hidden = mayWatchServer === false;
    if (this.#token !== access.token) this.#leave(); // the next one goes by the token of now
    const isSeen =
      mayWatchServer === true &&
      state.kind !== "barred" &&
      this.#details.open &&
      document.visibilityState === "visible" &&
      this.#details.getClientRects().length > 0;
    if (isSeen === (this.#stream !== undefined)) return;
    if (isSeen) this.#follow();
    else this.#leave();
  }

  #leave(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  #follow(): void {
    this.#values = [];
    // The whole minute that is kept comes first, so the lines are there at once.
    const rooms = ["$clock", "$server"].map((room) => `room=${encodeURIComponent(room)}`);
    // An EventSource can send no header. Its address stands in no history and in no log.
    const token = this.#session.access.token;
    this.#token = token;
    const credential = token === undefined ? "" : `&access_token=${token}`;
    const stream = new EventSource(`events?${rooms.join("&")}&since=start${credential}`);
    stream.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    stream.onopen = () => setText(this.#hint, "");
    stream.onerror = () => {
      setText(this.#hint, "Not connected. The numbers above are old.");
      // A refused stream is not tried again by the browser.
      if (stream.readyState === EventSource.CLOSED) setTimeout(() => this.#retry(stream), 5_000);
    };
    this.#stream = stream;
  }

  #retry(stream: EventSource): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.update();
  }

  #hear({ room, content }: MessageFrame): void {
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
