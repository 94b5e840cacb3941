/** What is refused of late because there is too much to do: first connections, then reads, then publishes. */

import { Load, type LoadLevel } from "../limit/load.ts";
import type { PublishBudget } from "../limit/publish-budget.ts";
import { type ErrorCode, PartylineError } from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";

/** Milliseconds between two looks. */
const lookMs = 100;
/** Milliseconds between two tries to get by with less memory. */
const collectMs = 10_000;

export interface SheddingOptions {
  /** 0 means no such bound. */
  readonly memoryBytesMax: number;
  readonly budget: PublishBudget;
  readonly log: Pick<Log, "info" | "warn">;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Memory of the process, in bytes. */
  readonly readRss: () => number;
  /** Frees memory that nobody uses any more. */
  readonly collect: () => void;
  /** Cuts the readers for whom much waits; they come back with their positions. */
  readonly cutSlowReaders: () => void;
}

/** What is refused from each level on. */
const consequences: Readonly<Record<LoadLevel, string>> = {
  0: "Overload is over: everything is taken again.",
  1: "Overload: no new connections.",
  2: "Overload: no new connections, no reading of history.",
  3: "Overload: no new connections, no reading of history, no publishes.",
};

/** Watches from `start` to `close`. */
export class Shedding {
  readonly #options: SheddingOptions;
  readonly #load: Load;
  #timer: ReturnType<typeof setInterval> | undefined;
  #dueAt = 0;
  #collectedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SheddingOptions) {
    const { memoryBytesMax, budget } = options;
    this.#options = options;
    this.#load = new Load({ memoryBytesMax, publishBytesMax: budget.bytesMax });
  }

  get level(): LoadLevel {
    return this.#load.level;
  }

  start(): void {
    this.#dueAt = this.#options.now() + lookMs;
    this.#timer = setInterval(() => this.look(), lookMs);
    this.#timer.unref();
  }

  /** Looks once; the timer does so ten times a second. */
  look(): void {
    const { budget, now, readRss, log, memoryBytesMax } = this.#options;
    const at = now();
    const measures = {
      rssBytes: readRss(),
      publishBytes: budget.bytes,
      storeWaitMs: budget.waitMs,
      loopDelayMs: Math.max(0, at - this.#dueAt),
    };
    this.#dueAt = at + lookMs;
    if (this.#load.observe(measures, at)) {
      const { level, cause } = this.#load;
      const fields = { level, cause, ...round({ ...measures, memoryBytesMax }) };
      log[level === 0 ? "info" : "warn"](fields, consequences[level]);
    }
    // Even if something else raised the level: it is memory for which the kernel ends a process.
    const isShort = memoryBytesMax > 0 && measures.rssBytes >= memoryBytesMax;
    if (isShort || (this.level > 0 && this.#load.cause === "memory-max")) this.#relieve(at);
  }

  #relieve(at: number): void {
    this.#options.cutSlowReaders();
    if (at - this.#collectedAt < collectMs) return;
    this.#collectedAt = at;
    this.#options.collect();
  }

  /** @throws too_many from level 1 on */
  assertMayConnect(): void {
    this.#assertBelow(1, "too_many", 5_000);
  }

  /** @throws unavailable from level 2 on */
  assertMayRead(): void {
    this.#assertBelow(2, "unavailable", 2_000);
  }

  /** @throws unavailable from level 3 on */
  assertMayPublish(): void {
    this.#assertBelow(3, "unavailable", 1_000);
  }

  /** May be called twice. */
  close(): void {
    clearInterval(this.#timer);
  }

  #assertBelow(level: LoadLevel, code: ErrorCode, retryAfterMs: number): void {
    if (this.level < level) return;
    const text = "The server has more to do than it can; try again after the delay.";
    throw new PartylineError(code, text, retryAfterMs, this.#load.cause);
  }
}

function round<Names extends string>(measures: Readonly<Record<Names, number>>) {
  const entries = Object.entries<number>(measures);
  return Object.fromEntries(entries.map(([name, value]) => [name, Math.round(value)]));
}
