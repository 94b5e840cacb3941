/** How much a server has to do: what it refuses, so that it neither dies nor breaks its word. */

/** 0 takes everything; 1 no new connections; 2 no reading of history, either; 3 no publishes, either. */
export type LoadLevel = 0 | 1 | 2 | 3;

/** What a level is told from. */
export interface LoadMeasures {
  /** Memory of the process. */
  readonly rssBytes: number;
  /** Bytes of publishes that are still arriving or wait for the store. */
  readonly publishBytes: number;
  /** Milliseconds that the oldest publish has waited for the store; 0 where none waits. */
  readonly storeWaitMs: number;
  /** Milliseconds by which a timer came late. */
  readonly loopDelayMs: number;
}

/** What raised the level, by the names under which refusals are counted. */
export type LoadCause = "memory-max" | "publish-bytes" | "store-wait" | "event-loop";

export interface LoadBounds {
  /** 0 means no such bound. */
  readonly memoryBytesMax: number;
  readonly publishBytesMax: number;
}

/** Of their bound, where levels begin. */
const memoryParts = [1, 1.05, 1.1];
const publishParts = [0.5, 0.75, 1];
/** Milliseconds at which levels begin. */
const storeWaits = [1_000, 2_000, 3_000];
const loopDelays = [500, 1_000, 2_000];
/** Looks in a row that must find the event loop late: a single stall is none of the load's. */
const delaysMin = 10;
/** A level ends below this part of where it began. */
const calmPart = 0.9;
/** Milliseconds of calm after which the level falls by one. */
export const calmMs = 1_000;

/** Rises at once, and falls step by step. Give it measures at a steady pace. */
export class Load {
  readonly #scales: readonly { cause: LoadCause; bounds: readonly number[] }[];
  readonly #delays: number[] = [];
  #level: LoadLevel = 0;
  #cause: LoadCause = "memory-max";
  #busyAt = 0;

  constructor({ memoryBytesMax, publishBytesMax }: LoadBounds) {
    const memory = memoryParts.map((part) => part * memoryBytesMax);
    this.#scales = [
      { cause: "memory-max", bounds: memoryBytesMax === 0 ? [] : memory },
      { cause: "publish-bytes", bounds: publishParts.map((part) => part * publishBytesMax) },
      { cause: "store-wait", bounds: storeWaits },
      { cause: "event-loop", bounds: loopDelays },
    ];
  }

  get level(): LoadLevel {
    return this.#level;
  }

  /** What raised it last or, once that is over, what keeps it up. */
  get cause(): LoadCause {
    return this.#cause;
  }

  /** Takes measures at a time in milliseconds. Returns whether the level changed. */
  observe(measures: LoadMeasures, now: number): boolean {
    const before = this.#level;
    const values = this.#toValues(measures);
    for (const { cause, bounds } of this.#scales) {
      const level = levelOf(values[cause], bounds);
      if (level <= this.#level) continue;
      this.#level = level;
      this.#cause = cause;
    }
    if (this.#level > before || this.#findHolders(values).length > 0) this.#busyAt = now;
    else if (now - this.#busyAt >= calmMs) {
      this.#level = toLevel(this.#level - 1);
      this.#busyAt = now;
    }
    const holders = this.#findHolders(values);
    if (!holders.includes(this.#cause)) this.#cause = holders[0] ?? this.#cause;
    return this.#level !== before;
  }

  /** What is still at or near where the present level begins. */
  #findHolders(values: Readonly<Record<LoadCause, number>>): LoadCause[] {
    if (this.#level === 0) return [];
    return this.#scales.flatMap(({ cause, bounds }) => {
      return levelOf(values[cause] / calmPart, bounds) >= this.#level ? [cause] : [];
    });
  }

  #toValues(measures: LoadMeasures): Record<LoadCause, number> {
    this.#delays.push(measures.loopDelayMs);
    if (this.#delays.length > delaysMin) this.#delays.shift();
    return {
      "memory-max": measures.rssBytes,
      "publish-bytes": measures.publishBytes,
      "store-wait": measures.storeWaitMs,
      "event-loop": this.#delays.length < delaysMin ? 0 : Math.min(...this.#delays),
    };
  }
}

function levelOf(value: number, bounds: readonly number[]): LoadLevel {
  return toLevel(bounds.filter((bound) => value >= bound).length);
}

function toLevel(number: number): LoadLevel {
  return number <= 0 ? 0 : number === 1 ? 1 : number === 2 ? 2 : 3;
}
