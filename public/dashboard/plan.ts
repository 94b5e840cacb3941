/** Which charts there are, and which numbers of a report each of them draws. */

import type { Latency, ServerStats } from "../../src/protocol/server-report.ts";
import { byteRate, bytes, cores, count, milliseconds, type Quantity, rate } from "./quantity.ts";

/** A line of a chart. `before` is the report a second ago; undefined for the first of a server's life. */
export interface LinePlan {
  readonly label: string;
  read(stats: ServerStats, before: ServerStats | undefined): number | null;
}

/** A chart. `note` says on hover what is measured. */
export interface ChartPlan {
  readonly title: string;
  readonly note: string;
  readonly quantity: Quantity;
  readonly lines: readonly LinePlan[];
}

/** The charts, in the order of the page. */
export const chartPlans: readonly ChartPlan[] = [
  {
    title: "Connections",
    note: "Open connections.",
    quantity: count,
    lines: [
      { label: "WebSocket", read: ({ connections }) => connections.websocket },
      { label: "SSE", read: ({ connections }) => connections.sse },
    ],
  },
  {
    title: "Messages",
    note: "Messages stored.",
    quantity: rate,
    lines: [{ label: "stored", read: (stats) => stats.messagesPerSecond }],
  },
  {
    title: "Deliveries",
    note: "Messages handed to readers: each message counts once for each of them.",
    quantity: rate,
    lines: [{ label: "to readers", read: (stats) => stats.deliveriesPerSecond }],
  },
  {
    title: "Traffic",
    note: "Bytes of what clients sent, and of what was sent to them.",
    quantity: byteRate,
    lines: [
      { label: "out", read: (stats) => stats.sentBytesPerSecond },
      { label: "in", read: (stats) => stats.receivedBytesPerSecond },
    ],
  },
  {
    title: "Publish latency",
    note: "From taking a message to its acknowledgement, over the last 10 s.",
    quantity: milliseconds,
    lines: latencyLines((stats) => stats.publishMs),
  },
  {
    title: "Store commits",
    note: "How long the store's transactions took, over the last 10 s.",
    quantity: milliseconds,
    lines: latencyLines((stats) => stats.commitMs),
  },
  {
    title: "Event-loop delay",
    note: "By how much timers came late, over the last 10 s.",
    quantity: milliseconds,
    lines: latencyLines((stats) => stats.eventLoopDelayMs),
  },
  {
    title: "Waiting for readers",
    note: "Bytes in the queues of connections that have not read them yet.",
    quantity: bytes,
    lines: [
      { label: "WebSocket", read: ({ queueBytes }) => queueBytes.websocket },
      { label: "SSE", read: ({ queueBytes }) => queueBytes.sse },
    ],
  },
  {
    title: "CPU",
    note: "Cores in use: 1 is one core all the time.",
    quantity: cores,
    lines: [{ label: "in use", read: ({ cpu }) => cpu }],
  },
  {
    title: "Memory",
    note: "What the process holds in all (RSS), and the part of it that is JavaScript's heap.",
    quantity: bytes,
    lines: [
      { label: "RSS", read: ({ rssBytes }) => rssBytes },
      { label: "heap", read: ({ heapBytes }) => heapBytes },
    ],
  },
  {
    title: "Requests",
    note: "HTTP requests answered; those of WebSockets and streams too.",
    quantity: rate,
    lines: [{ label: "HTTP", read: (stats) => stats.requestsPerSecond }],
  },
  {
    title: "Refusals",
    note: "Errors answered, and readers cut because they did not read.",
    quantity: rate,
    lines: [
      { label: "errors", read: perSecond(({ errors }) => sum(errors)) },
      { label: "slow readers", read: perSecond(({ slowReaders }) => sum({ ...slowReaders })) },
    ],
  },
];

/** Tells whether two reports are of one life of a server, so that its counters may be compared. */
export function isSameLife(before: ServerStats | undefined, { uptimeMs }: ServerStats): boolean {
  return before !== undefined && uptimeMs > before.uptimeMs;
}

/** Adds the numbers up. */
export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, each) => total + each, 0);
}

function latencyLines(pick: (stats: ServerStats) => Latency): LinePlan[] {
  return [
    { label: "p50", read: (stats) => pick(stats).p50 },
    { label: "p95", read: (stats) => pick(stats).p95 },
    { label: "p99", read: (stats) => pick(stats).p99 },
  ];
}

/** By how much a counter grew. */
function perSecond(total: (stats: ServerStats) => number): LinePlan["read"] {
  return (stats, before) => {
    if (before === undefined || !isSameLife(before, stats)) return null;
    const seconds = (stats.uptimeMs - before.uptimeMs) / 1_000;
    return Math.max(0, total(stats) - total(before)) / seconds;
  };
}
