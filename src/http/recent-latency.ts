/** How long something took of late: the newest samples of a histogram that counts for ever. */

import type { Latency } from "../protocol/server-report.ts";
import { Histogram, type HistogramSnapshot } from "../telemetry/histogram.ts";

/** Samples that are told of together; there is one a second. */
const samplesMax = 10;

export class RecentLatency {
  readonly #histograms: readonly Histogram[];
  /** The counts at the last samples, oldest first. */
  readonly #past: HistogramSnapshot[];

  /** `histograms` are of seconds, and have the same bounds. */
  constructor(histograms: readonly Histogram[]) {
    this.#histograms = histograms;
    this.#past = [Histogram.join(histograms)];
  }

  /** Tells of what came since the sample before the last nine, and takes another. */
  sample(): Latency {
    const [before] = this.#past;
    const now = Histogram.join(this.#histograms);
    this.#past.push(now);
    if (this.#past.length > samplesMax) this.#past.shift();
    const quantile = (q: number) => {
      const seconds = now.quantile(q, before);
      return seconds === null ? null : Math.round(seconds * 1_000_000) / 1_000;
    };
    return {
      count: now.count - (before?.count ?? 0),
      p50: quantile(0.5),
      p95: quantile(0.95),
      p99: quantile(0.99),
      max: quantile(1),
    };
  }
}
