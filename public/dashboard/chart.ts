/** One chart: its title, its newest numbers in words, and its curves. */

import uPlot from "uplot";
import { element, setText } from "../app/element.ts";
import type { Palette } from "./palette.ts";
import type { ChartPlan } from "./plan.ts";
import { nothing } from "./quantity.ts";

/** Dashes tell lines apart for those who see no colours. */
const dashes = [[], [5, 3], [1.5, 2.5]];
const axisWidth = 54;
const axisHeight = 18;
/** All charts show the same moment under the pointer. */
const cursorKey = "dashboard";
const clockFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** What a chart draws: seconds since 1970, a column for each line, and how many seconds back. */
export interface Curves {
  readonly times: readonly number[];
  readonly columns: readonly (readonly (number | null)[])[];
  readonly now: number;
  readonly spanSeconds: number;
}

/** A figure that stays in the page. */
export class Chart {
  readonly element: HTMLElement;
  readonly #plan: ChartPlan;
  readonly #values: readonly HTMLElement[];
  readonly #moment = element("span", { className: "meta" });
  readonly #plot = element("div", { className: "plot", ariaHidden: "true" });
  readonly #uplot: uPlot;
  #curves: Curves = { times: [], columns: [], now: 0, spanSeconds: 60 };

  constructor(plan: ChartPlan, palette: Palette) {
    this.#plan = plan;
    this.#values = plan.lines.map(() => element("strong", {}, nothing));
    const legend = plan.lines.map(({ label }, index) => {
      const key = element("span", { className: `key line-${index + 1}` }, label);
      return element("li", {}, key, this.#values[index]);
    });
    this.element = element(
      "figure",
      { className: "card" },
      element("figcaption", { title: plan.note }, element("span", {}, plan.title), this.#moment),
      element("ul", { className: "legend" }, ...legend),
      this.#plot,
    );
    this.#uplot = new uPlot(
      this.#toOptions(palette),
      [[], ...plan.lines.map(() => [])],
      this.#plot,
    );
    new ResizeObserver(() => this.#fit()).observe(this.#plot);
  }

  /** Draws. The numbers in words are the newest, or those under the pointer. */
  draw(curves: Curves): void {
    this.#curves = curves;
    // The library's types want arrays that may be written; it does not.
    this.#uplot.setData([curves.times, ...curves.columns] as uPlot.AlignedData);
    this.#write(this.#uplot.cursor.idx);
  }

  #fit(): void {
    const { clientWidth: width, clientHeight: height } = this.#plot;
    if (width > 0 && height > 0) this.#uplot.setSize({ width, height });
  }

  #write(pointed: number | null | undefined): void {
    const { times, columns, now } = this.#curves;
    const time = pointed == null ? undefined : times[pointed];
    const index = time === undefined ? times.length - 1 : (pointed ?? 0);
    // Numbers that nobody sends any more are no news.
    const isOld = time === undefined && now - (times.at(-1) ?? 0) > 5;
    setText(this.#moment, time === undefined ? "" : clockFormat.format(time * 1_000));
    this.#values.forEach((value, line) => {
      const number = isOld ? null : columns[line]?.[index];
      setText(value, number == null ? nothing : this.#plan.quantity.text(number));
    });
  }

  #toOptions(palette: Palette): uPlot.Options {
    const { quantity, lines } = this.#plan;
    const muted = () => palette.colour("--muted");
    const grid = { stroke: () => palette.colour("--rule"), width: 1 };
    const axis = { stroke: muted, font: "11px system-ui, sans-serif", ticks: { show: false } };
    return {
      ...{ width: 300, height: 100, padding: [6, 4, 0, 0], legend: { show: false } },
      cursor: {
        ...{ y: false, drag: { x: false, y: false, setScale: false }, sync: { key: cursorKey } },
        points: { size: 6 },
      },
      scales: {
        x: { time: false, range: () => this.#range() },
        y: { range: (_, _min, max) => [0, Math.max(quantity.least, (max ?? 0) * 1.05)] },
      },
      axes: [
        {
          ...{ ...axis, grid: { show: false }, size: axisHeight, gap: 2 },
          splits: () => this.#toMarks(),
          values: (_, splits) => splits.map((time) => agoText(this.#curves.now - time)),
        },
        {
          ...{ ...axis, grid, size: axisWidth, gap: 4, space: 28 },
          values: (_, splits) => splits.map((value) => quantity.mark(value)),
        },
      ],
      series: [
        {},
        ...lines.map((_, index) => ({
          stroke: () => palette.colour(`--line-${index + 1}`),
          ...(index === 0 ? { fill: () => palette.colour("--line-1", 0.1) } : {}),
          ...{ width: 1.5, dash: dashes[index] ?? [], spanGaps: false },
          points: { show: () => this.#curves.times.length === 1, size: 5 },
        })),
      ],
      hooks: { setCursor: [({ cursor }) => this.#write(cursor.idx)] },
    };
  }

  #range(): [number, number] {
    const { now, spanSeconds } = this.#curves;
    return [now - spanSeconds, now];
  }

  /** Marks that stand still while the curves move. */
  #toMarks(): number[] {
    const { now, spanSeconds } = this.#curves;
    const step = spanSeconds <= 60 ? 15 : spanSeconds <= 300 ? 60 : 120;
    const marks: number[] = [];
    // The outermost would be cut off at the edges.
    for (let ago = spanSeconds - step; ago > 0; ago -= step) marks.push(now - ago);
    return marks;
  }
}

function agoText(seconds: number): string {
  return seconds < 59.5 ? `−${Math.round(seconds)} s` : `−${Math.round(seconds / 60)} min`;
}
