/** How a server is doing at one moment, out of what it counts. */

import type { Room } from "../hub/room.ts";
import type { ByTransport, ServerStats } from "../protocol/server-report.ts";
import type { Measures } from "../telemetry/measures.ts";
import { findBusyRooms } from "./busy-rooms.ts";
import { RecentLatency } from "./recent-latency.ts";

/** Where the numbers come from. */
export interface SampleSources {
  readonly version: string;
  /** The name of this machine, where there may be others; null where there is none. */
  readonly machine: string | null;
  /** The number of this process among several; null where it is the only one. */
  readonly worker: number | null;
  readonly measures: Measures;
  readonly rooms: () => ReadonlyMap<string, Room>;
  readonly connections: () => ByTransport;
  readonly queueBytes: () => ByTransport;
  readonly unreadyReason: () => string | null;
  readonly loadLevel: () => number;
}

/** Totals at one moment. */
interface Totals {
  readonly at: number;
  readonly cpu: NodeJS.CpuUsage;
  readonly messages: number;
  readonly deliveries: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly requests: number;
}

/** Compares each sample with those before it, so it is asked at a steady pace. */
export class ServerSampler {
  readonly #sources: SampleSources;
  readonly #publishing: RecentLatency;
  readonly #committing: RecentLatency;
  readonly #delays: RecentLatency;
  #before: Totals;

  constructor(sources: SampleSources) {
    const { publishSeconds, commitSeconds, eventLoopDelaySeconds } = sources.measures;
    this.#sources = sources;
    this.#publishing = new RecentLatency([publishSeconds.websocket, publishSeconds.http]);
    this.#committing = new RecentLatency([commitSeconds]);
    this.#delays = new RecentLatency([eventLoopDelaySeconds]);
    this.#before = readTotals(sources.measures);
  }

  /** Takes a sample. */
  sample(): ServerStats {
    const { version, machine, worker, measures, rooms, connections, queueBytes, ...others } =
      this.#sources;
    const before = this.#before;
    const totals = readTotals(measures);
    this.#before = totals;
    // The first sample comes right after the beginning, when next to nothing can have happened.
    const elapsedMs = Math.max(100, totals.at - before.at);
    const rate = (name: Exclude<keyof Totals, "at" | "cpu">) =>
      Math.round(((totals[name] - before[name]) * 1_000) / elapsedMs);
    const { user, system } = totals.cpu;
    const cpuMs = (user + system - before.cpu.user - before.cpu.system) / 1_000;
    const { rss, heapUsed } = process.memoryUsage();
    const at = Date.now();
    return {
      type: "stats",
      ...{ at, version, machine, worker, uptimeMs: Math.round(process.uptime() * 1_000) },
      unreadyReason: others.unreadyReason(),
      loadLevel: others.loadLevel(),
      connections: connections(),
      rooms: rooms().size,
      messagesPerSecond: rate("messages"),
      deliveriesPerSecond: rate("deliveries"),
      receivedBytesPerSecond: rate("receivedBytes"),
      sentBytesPerSecond: rate("sentBytes"),
      requestsPerSecond: rate("requests"),
      publishMs: this.#publishing.sample(),
      commitMs: this.#committing.sample(),
      eventLoopDelayMs: this.#delays.sample(),
      ...{
        rssBytes: rss,
        heapBytes: heapUsed,
        cpu: Math.round((cpuMs * 1_000) / elapsedMs) / 1_000,
      },
      queueBytes: queueBytes(),
      slowReaders: { ...measures.slowReaders },
      limitsHit: Object.fromEntries(measures.limitsHit),
      errors: sumErrors(measures),
      busyRooms: findBusyRooms(rooms(), at),
    };
  }
}

function readTotals(measures: Measures): Totals {
  const { messages, deliveries, receivedBytes, sentBytes, routes } = measures;
  let requests = 0;
  for (const { seconds } of routes.values()) requests += seconds.count;
  return {
    at: performance.now(),
    cpu: process.cpuUsage(),
    messages,
    deliveries: deliveries.websocket + deliveries.sse,
    receivedBytes: receivedBytes.websocket + receivedBytes.http,
    sentBytes: sentBytes.websocket + sentBytes.sse,
    requests,
  };
}

function sumErrors({ errors }: Measures): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counts of Object.values(errors)) {
    for (const [code, count] of counts) sums[code] = (sums[code] ?? 0) + count;
  }
  return sums;
}
