/**
 * What a server counts. Hot paths add to plain numbers here; `metrics.ts` makes of them what
 * Prometheus reads, when somebody asks.
 */

import { Histogram } from "./histogram.ts";

/** A number for the readers of each transport. */
export interface ReaderCounts {
  websocket: number;
  sse: number;
}

/** A number for the publishers of each transport. */
export interface PublisherCounts {
  websocket: number;
  http: number;
}

/** Where an error was answered. */
export type ErrorTransport = "websocket" | "sse" | "http";

/** The requests of one route and method, once they were answered. */
export interface RouteMeasure {
  readonly method: string;
  /** The pattern, such as `/rooms/:room/messages`; `none` where there is none. */
  readonly route: string;
  /** How many, by the first digit of their status. */
  readonly classes: Float64Array;
  readonly seconds: Histogram;
}

/** From a tenth of a millisecond on, for what the store and the event loop do. */
const fineSeconds = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01],
  ...[0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];
const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const batchMessages = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** All totals are since the start. */
export class Measures {
  /** Connections that were let in, and that have been cut because they did not read. */
  readonly opened: ReaderCounts = { websocket: 0, sse: 0 };
  readonly slowReaders: ReaderCounts = { websocket: 0, sse: 0 };
  /** Connections that were told to come back later, because the server is going away. */
  readonly drained: ReaderCounts = { websocket: 0, sse: 0 };
  /** Rooms entered and left. */
  readonly joins: ReaderCounts = { websocket: 0, sse: 0 };
  readonly leaves: ReaderCounts = { websocket: 0, sse: 0 };
  /** Messages that arrived to be published, and those of them that had been published before. */
  readonly publishes: PublisherCounts = { websocket: 0, http: 0 };
  readonly duplicates: PublisherCounts = { websocket: 0, http: 0 };
  /** From a message's arrival to its acknowledgement. */
  readonly publishSeconds = {
    websocket: new Histogram(fineSeconds),
    http: new Histogram(fineSeconds),
  };
  /** Messages stored for publishers here. */
  messages = 0;
  /** Messages handed to live readers. */
  readonly deliveries: ReaderCounts = { websocket: 0, sse: 0 };
  /** Signals passed on. */
  signals = 0;
  /** Gaps told: readers that have missed something. */
  readonly gaps: ReaderCounts = { websocket: 0, sse: 0 };
  /** Bytes of frames and of bodies published, without headers and the framing of transports. */
  readonly receivedBytes: PublisherCounts = { websocket: 0, http: 0 };
  readonly sentBytes: ReaderCounts = { websocket: 0, sse: 0 };
  /** What one transaction of the store held, and how long it took. */
  readonly commitMessages = new Histogram(batchMessages);
  readonly commitSeconds = new Histogram(fineSeconds);
  storeFailures = 0;
  /** By how much a timer came late. */
  readonly eventLoopDelaySeconds = new Histogram(fineSeconds);
  /** Tokens that were shown and not accepted. */
  tokenFailures = 0;

  /** Errors answered, by transport and code. */
  readonly errors: Readonly<Record<ErrorTransport, Map<string, number>>> = {
    websocket: new Map(),
    sse: new Map(),
    http: new Map(),
  };
  /** Refusals by the limit that was reached. */
  readonly limitsHit = new Map<string, number>();
  /** Requests by route and method. */
  readonly routes = new Map<string, RouteMeasure>();

  /**
   * Counts an answered error. Codes and limits are names out of the source, so the maps stay small;
   * `limit` is undefined where no limit was reached.
   */
  countError(transport: ErrorTransport, code: string, limit: string | undefined): void {
    const errors = this.errors[transport];
    errors.set(code, (errors.get(code) ?? 0) + 1);
    if (limit !== undefined) this.limitsHit.set(limit, (this.limitsHit.get(limit) ?? 0) + 1);
  }

  /** Counts what one transaction of the store held. */
  countCommit(messages: number, ms: number): void {
    this.commitMessages.observe(messages);
    this.commitSeconds.observe(ms / 1_000);
  }

  /** Counts an acknowledged message by the transport it came on, and the time that took. */
  countPublish(transport: keyof PublisherCounts, isDuplicate: boolean, ms: number): void {
    if (isDuplicate) this.duplicates[transport] += 1;
    else this.messages += 1;
    this.publishSeconds[transport].observe(ms / 1_000);
  }

  /** Counts an answered request. `route` is its pattern, never its path: those have no number. */
  countRequest(method: string, route: string | undefined, status: number, ms: number): void {
    const measure = this.#routeOf(method, route ?? "none");
    const digit = Math.min(5, Math.max(1, Math.floor(status / 100)));
    measure.classes[digit] = (measure.classes[digit] ?? 0) + 1;
    measure.seconds.observe(ms / 1_000);
  }

  #routeOf(method: string, route: string): RouteMeasure {
    // A client makes up methods as it likes.
    const known = methods.has(method) ? method : "other";
    const key = `${known} ${route}`;
    let measure = this.routes.get(key);
    if (measure === undefined) {
      const seconds = new Histogram(requestSeconds);
      measure = { method: known, route, classes: new Float64Array(6), seconds };
      this.routes.set(key, measure);
    }
    return measure;
  }
}

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
