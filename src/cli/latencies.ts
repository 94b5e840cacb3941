/** How long things took: a histogram whose buckets are each 1 % wide. */

const step = Math.log(1.01);
const leastMs = 0.001;
const mostMs = 600_000;
const buckets = Math.ceil(Math.log(mostMs / leastMs) / step) + 1;

/** What is told of some durations, in milliseconds with an error of 1 %. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Counts durations in a fixed amount of memory, after HdrHistogram (Tene, 2012). */
export class Latencies {
  readonly #counts = new Float64Array(buckets);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** Takes one duration in milliseconds. */
  add(ms: number): void {
    const bounded = Math.min(Math.max(ms, leastMs), mostMs);
    const bucket = Math.floor(Math.log(bounded / leastMs) / step);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    if (ms > this.#max) this.#max = ms;
  }

  /** The duration that a share `q` of all do not exceed; 0 where there are none. */
  quantile(q: number): number {
    let below = 0;
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      below += this.#counts[bucket] ?? 0;
      if (below > 0 && below >= q * this.#count) {
        return Math.min(leastMs * Math.exp(step * (bucket + 1)), this.#max);
      }
    }
    return 0;
  }

  summary(): LatencySummary {
    const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((q) => round(this.quantile(q)));
    const max = round(this.#max);
    return {
      count: this.#count,
      p50: p50 ?? 0,
      p90: p90 ?? 0,
      p99: p99 ?? 0,
      p999: p999 ?? 0,
      max,
    };
  }
}

function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
