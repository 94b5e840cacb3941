/** What the server refused: slow readers, limits that were reached, errors by code. */

import type { ServerStats } from "../../src/protocol/server-report.ts";
import { arrange, element, find, setText } from "../app/element.ts";
import { isSameLife } from "./plan.ts";
import { countOf } from "./quantity.ts";

/** Of what "in the last minute" is said. */
const recentMs = 60_000;

interface Counter {
  readonly kind: string;
  readonly name: string;
  readonly href?: string;
}

interface Snapshot {
  readonly stats: ServerStats;
  readonly counts: ReadonlyMap<string, number>;
}

/** Shows every counter that is not 0, with how much of it is of the last minute. */
export class RefusalTable {
  readonly #table = find("refusals-table", HTMLElement);
  readonly #body = find("refusals-body", HTMLElement);
  readonly #hint = find("refusals-hint", HTMLElement);
  readonly #rows = new Map<string, HTMLTableRowElement>();
  /** One a second, over the last minute. */
  #snapshots: Snapshot[] = [];

  /** Takes a report. Each must come here, or the last minute is not known. */
  take(stats: ServerStats): void {
    if (!isSameLife(this.#snapshots.at(-1)?.stats, stats)) this.#snapshots = [];
    const counts = new Map(toCounters(stats).map(({ counter, count }) => [toKey(counter), count]));
    this.#snapshots.push({ stats, counts });
    const before = this.#snapshots.findLastIndex(
      (each) => stats.uptimeMs - each.stats.uptimeMs >= recentMs,
    );
    if (before > 0) this.#snapshots.splice(0, before);
  }

  /** Shows what was taken. */
  render(): void {
    const newest = this.#snapshots.at(-1);
    const oldest = this.#snapshots[0];
    if (newest === undefined || oldest === undefined) return;
    const rows = toCounters(newest.stats).map(({ counter, count }) => {
      const key = toKey(counter);
      // A server younger than a minute had none when it started.
      const isWhole = newest.stats.uptimeMs <= recentMs;
      const before = isWhole ? 0 : (oldest.counts.get(key) ?? 0);
      return this.#renderRow(counter, count - before, count);
    });
    arrange(this.#body, rows);
    this.#table.hidden = rows.length === 0;
    const span = Math.round((newest.stats.uptimeMs - oldest.stats.uptimeMs) / 1_000);
    const isShort = newest.stats.uptimeMs > recentMs && span < recentMs / 1_000 - 1;
    const none = "None since the server started.";
    setText(this.#hint, rows.length === 0 ? none : isShort ? watchedText : "");
  }

  #renderRow(counter: Counter, recent: number, count: number): HTMLTableRowElement {
    const key = toKey(counter);
    const row = this.#rows.get(key) ?? createRow(counter);
    this.#rows.set(key, row);
    const [, recentCell, countCell] = row.cells;
    if (recentCell !== undefined) {
      setText(recentCell, recent === 0 ? "0" : `+${countOf(recent)}`);
      recentCell.classList.toggle("none", recent === 0);
    }
    if (countCell !== undefined) setText(countCell, countOf(count));
    return row;
  }
}

const watchedText = "The last minute counts from when this page connected.";

function toCounters({ slowReaders, limitsHit, errors }: ServerStats) {
  const all: { counter: Counter; count: number }[] = [];
  const add = (counts: Readonly<Record<string, number>>, toCounter: (name: string) => Counter) => {
    const sorted = Object.entries(counts).sort(([a], [b]) => a.localeCompare(b));
    for (const [name, count] of sorted)
      if (count > 0) all.push({ counter: toCounter(name), count });
  };
  const slow = { WebSocket: slowReaders.websocket, SSE: slowReaders.sse };
  add(slow, (name) => ({ kind: "Slow reader", name, href: "docs/protocol#slow_reader" }));
  add(limitsHit, (name) => ({ kind: "Limit", name }));
  add(errors, (name) => ({ kind: "Error", name, href: `docs/protocol#${name}` }));
  return all;
}

function toKey({ kind, name }: Counter): string {
  return `${kind} ${name}`;
}

function createRow({ kind, name, href }: Counter): HTMLTableRowElement {
  const text = href === undefined ? name : element("a", { href }, name);
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, element("span", { className: "kind" }, kind), " ", text),
    element("td", { className: "number" }),
    element("td", { className: "number" }),
  );
}
