/** The charts, and how far back they reach. */

import type { ServerStats } from "../../src/protocol/server-report.ts";
import { find, setText } from "../app/element.ts";
import { Chart } from "./chart.ts";
import { History } from "./history.ts";
import { Palette } from "./palette.ts";
import { chartPlans, isSameLife } from "./plan.ts";

/** A drawing may be late by so much before it is made up for without a report. */
const tickMs = 1_000;

const beginningText = "Curves begin when the page is opened, and go with it.";

/** Takes reports always, and draws them while somebody can see it. */
export class Board {
  readonly #history = new History(chartPlans.flatMap(({ lines }) => lines).length);
  readonly #charts: readonly Chart[];
  readonly #spans = find("spans", HTMLElement);
  readonly #title = find("charts-title", HTMLElement);
  readonly #hint = find("charts-hint", HTMLElement);
  #before: ServerStats | undefined;
  #drawnAt = 0;

  constructor() {
    const palette = new Palette(() => this.draw());
    this.#charts = chartPlans.map((plan) => new Chart(plan, palette));
    find("charts", HTMLElement).append(...this.#charts.map(({ element }) => element));
    this.#spans.addEventListener("change", () => this.draw());
    document.addEventListener("visibilitychange", () => this.draw());
    // Without reports time goes on, too.
    setInterval(() => {
      if (performance.now() - this.#drawnAt > tickMs * 1.5) this.draw();
    }, tickMs);
  }

  /** Takes a report, which becomes the right end of all lines. */
  take(stats: ServerStats): void {
    const before = isSameLife(this.#before, stats) ? this.#before : undefined;
    if (before === undefined) this.#history.interrupt();
    this.#before = stats;
    const row = chartPlans.flatMap(({ lines }) => lines.map((line) => line.read(stats, before)));
    this.#history.add(Date.now(), row);
    this.draw();
  }

  /** Ends the lines where they are. */
  interrupt(): void {
    this.#history.interrupt();
    this.#before = undefined;
  }

  /** Draws everything, unless nobody can see it. */
  draw(): void {
    if (document.visibilityState !== "visible") return;
    this.#drawnAt = performance.now();
    const now = Math.max(Date.now() / 1_000, this.#history.times.at(-1) ?? 0);
    const chosen = this.#spans.querySelector<HTMLInputElement>("input:checked");
    const spanSeconds = Number(chosen?.value ?? 300);
    const [oldest = now] = this.#history.times;
    setText(
      this.#title,
      spanSeconds === 60 ? "The last minute" : `The last ${spanSeconds / 60} minutes`,
    );
    setText(this.#hint, oldest > now - spanSeconds ? beginningText : "");
    let first = 0;
    this.#charts.forEach((chart, index) => {
      const lineCount = chartPlans[index]?.lines.length ?? 0;
      const columns = this.#history.columns.slice(first, first + lineCount);
      first += lineCount;
      chart.draw({ times: this.#history.times, columns, now, spanSeconds });
    });
  }
}
