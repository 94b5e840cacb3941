/** What a bench found, as a table for people; as JSON it is printed as it is. */

import type { LoadPlan } from "./bench-load.ts";
import type { KeptRooms } from "./bench-rooms.ts";
import type { LatencySummary } from "./latencies.ts";
import { formatBytes, formatCount, formatSeconds } from "./quantity.ts";
import { toVisible } from "./visible-text.ts";

/** Durations in milliseconds, and how many a second there were. */
export interface MeasuredRate extends LatencySummary {
  readonly perSecond: number;
}

/** What `--json` prints. */
export interface BenchReport {
  readonly plan: LoadPlan;
  readonly transports: readonly string[];
  readonly connected: number;
  readonly connect: MeasuredRate;
  /** From when a message was due to its acknowledgement. */
  readonly acknowledged: MeasuredRate;
  /** From when a message was due to each reader. */
  readonly delivered: MeasuredRate;
  /** Deliveries of acknowledged messages that did not come. */
  readonly undelivered: number;
  /** By how much this program itself was late, in milliseconds, for 99 of 100 messages at most. */
  readonly lateMs: number;
  readonly failures: readonly { readonly what: string; readonly count: number }[];
  /** The rooms that were made. */
  readonly rooms: readonly string[];
  /** Those of them that stay until the server forgets them by itself. */
  readonly kept: KeptRooms;
}

/** From here on the numbers tell more of this program than of the server. */
const lateMsMax = 20;
const head = ["", "count", "per second", "p50", "p90", "p99", "p99.9", "max"];

/** Writes a table, and below it whatever is not as it should be. */
export function formatReport(report: BenchReport, url: string): string {
  const { plan, transports, connected, undelivered, lateMs, failures } = report;
  const pace = plan.rate === 0 ? "as fast as they are stored" : `${plan.rate} a second`;
  const way = transports.length === 0 ? "" : ` over ${transports.join(" and ")}`;
  const rows = [
    head,
    toRow("connect → joined", report.connect),
    toRow("publish → ack", report.acknowledged),
    toRow("publish → deliver", report.delivered),
  ];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  "),
  );
  const notes: string[] = [];
  if (connected < plan.connections) {
    notes.push(`${formatCount(plan.connections - connected, "connection")} failed.`);
  }
  if (undelivered > 0) notes.push(`Not delivered: ${undelivered.toLocaleString("en")}.`);
  for (const { what, count } of failures)
    notes.push(`${formatCount(count, "time")}: ${toVisible(what)}`);
  if (lateMs > lateMsMax) {
    notes.push(
      `This program was late itself, by up to ${lateMs} ms: the numbers tell as much of it as of the server.`,
    );
  }
  if (notes.length === 0) notes.push("All was stored and delivered.");
  const { rooms, reason } = report.kept;
  if (rooms.length > 0) {
    const count =
      rooms.length === 1
        ? "1 room bench-… stays"
        : `${rooms.length.toLocaleString("en")} rooms bench-… stay`;
    notes.push(
      `${count} on the server until it forgets what is old. ${toVisible(reason ?? "")}`.trimEnd(),
    );
  }
  return `${[
    `${url}: ${formatCount(connected, "connection")} in ${formatCount(plan.rooms, "room")}${way}, ` +
      `messages of ${formatBytes(plan.sizeBytes)}, ${pace}, for ${formatSeconds(plan.durationMs)}`,
    "",
    ...lines,
    "",
    ...notes,
  ].join("\n")}\n`;
}

function toRow(
  name: string,
  { count, perSecond, p50, p90, p99, p999, max }: MeasuredRate,
): string[] {
  const numbers = [count, perSecond].map((value) => value.toLocaleString("en"));
  return [name, ...numbers, ...[p50, p90, p99, p999, max].map((ms) => `${ms} ms`)];
}
