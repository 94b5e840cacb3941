/** How values are spread, in fixed buckets: counting one allocates nothing. */

/** Counts at one moment. */
export interface HistogramSnapshot {
  /** One more than there are bounds: the last is for values above all of them. */
  readonly counts: Float64Array;
  readonly sum: number;
  readonly count: number;
}

/** Values in any unit, counted by the first bound that is not below them. */
export class Histogram implements HistogramSnapshot {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  /** `bounds` go upwards. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** A histogram of the values of all, which must have the same bounds. */
  static join(histograms: readonly Histogram[]): Histogram {
    const joined = new Histogram(histograms[0]?.bounds ?? []);
    for (const { counts, sum, count } of histograms) {
      for (let index = 0; index < counts.length; index += 1) {
        joined.counts[index] = (joined.counts[index] ?? 0) + (counts[index] ?? 0);
      }
      joined.sum += sum;
      joined.count += count;
    }
    return joined;
  }

  observe(value: number): void {
    const { bounds } = this;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((bounds[middle] ?? value) < value) low = middle + 1;
      else high = middle;
    }
    this.counts[low] = (this.counts[low] ?? 0) + 1;
    this.sum += value;
    this.count += 1;
  }

  /**
   * Estimates the value that a share `q` of all values since `before` do not exceed, evenly spread
   * within its bucket, as Prometheus' `histogram_quantile` does. 1 is the greatest. Values above
   * all bounds count as the last bound. Null where there were none.
   */
  quantile(q: number, before?: HistogramSnapshot): number | null {
    const total = this.count - (before?.count ?? 0);
    if (total <= 0) return null;
    const rank = q * total;
    let below = 0;
    for (const [index, bound] of this.bounds.entries()) {
      const inside = (this.counts[index] ?? 0) - (before?.counts[index] ?? 0);
      if (inside > 0 && below + inside >= rank) {
        const start = this.bounds[index - 1] ?? 0;
        return start + ((bound - start) * Math.max(0, rank - below)) / inside;
      }
      below += inside;
    }
    return this.bounds.at(-1) ?? null;
  }
}
