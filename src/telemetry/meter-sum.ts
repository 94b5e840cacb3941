/** The meters of several processes as those of one. */

import type { Labels } from "./meters.ts";

/** One line of a meter. `metricName` is there where it differs from the meter's name. */
export interface MeterSample {
  readonly metricName?: string;
  readonly labels: Labels;
  readonly value: number;
}

/** What one meter showed at one moment, in a form that can be sent from process to process. */
export interface MeterSnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  /** How the numbers of several processes become one: `sum`, `max` or `min`. */
  readonly aggregator: string;
  readonly values: readonly MeterSample[];
}

/** What the meters of one process showed. */
export type MeterSnapshots = readonly MeterSnapshot[];

/** Puts snapshots of several processes together: a line for each combination of labels that any has. */
export function sumMeters(processes: readonly MeterSnapshots[]): MeterSnapshot[] {
  const groups = Map.groupBy(processes.flat(), ({ name }) => name);
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const put = togethers[first.aggregator] ?? add;
    const values = new Map<string, { -readonly [Name in keyof MeterSample]: MeterSample[Name] }>();
    for (const sample of [first, ...others].flatMap((each) => each.values)) {
      const key = JSON.stringify([sample.metricName, Object.entries(sample.labels).sort()]);
      const known = values.get(key);
      if (known === undefined) values.set(key, { ...sample });
      else known.value = put(known.value, sample.value);
    }
    return [{ ...first, values: [...values.values()] }];
  });
}

/**
 * Of a process that has ended, what must stay in the sum: its totals. Without them a total would go
 * down, which Prometheus takes for a start from 0, and all that is left of it for news.
 */
export function keepTotals(snapshots: MeterSnapshots): MeterSnapshot[] {
  return snapshots.filter(({ type }) => type === "counter" || type === "histogram");
}

const add = (a: number, b: number) => a + b;
const togethers: Readonly<Record<string, typeof add>> = { max: Math.max, min: Math.min };
