/** What is counted, in the text form that Prometheus reads. */

import { collectDefaultMetrics, type Metric, Registry } from "prom-client";
import type { Histogram } from "./histogram.ts";
import type { MeterSample, MeterSnapshots } from "./meter-sum.ts";
import { type Labels, listMeters, type Meter, type MeterSources } from "./meters.ts";

/** Of what prom-client adds itself: the rest is of Node.js, and says nothing of this runtime. */
const processMeters = /^(process_|nodejs_heap_size_|nodejs_external_)/;

/** Makes a registry of its own, so that several servers in one process do not share numbers. */
export function createMeters(sources: MeterSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray()) {
    if (!processMeters.test(name)) registry.removeSingleMetric(name);
  }
  for (const meter of listMeters(sources)) registry.registerMetric(toMetric(meter));
  return registry;
}

/** Takes down what meters show now. */
export async function takeSnapshots(registry: Registry): Promise<MeterSnapshots> {
  const found = (await registry.getMetricsAsJSON()) as unknown as MeterSnapshots;
  return found.map(({ name, help, type, aggregator, values }) => {
    // The time at which a process began has no sum; that of the oldest is the server's.
    const how = aggregator === "omit" ? "min" : aggregator;
    return { name, help, type, aggregator: how, values };
  });
}

/** Writes down snapshots in the text form that Prometheus reads. */
export async function writeSnapshots(snapshots: MeterSnapshots): Promise<string> {
  const registry = new Registry();
  for (const snapshot of snapshots) {
    const metric = { ...snapshot, get: async () => snapshot };
    registry.registerMetric(metric as unknown as Metric<string>);
  }
  return await registry.metrics();
}

/**
 * The least that prom-client 15.1.3 asks of a metric. Its own classes count by themselves, which a
 * message to a thousand readers cannot pay for.
 */
function toMetric({ name, help, type, aggregator, read }: Meter): Metric<string> {
  const get = async () => {
    const values = read().flatMap(([labels, value]) =>
      typeof value === "number" ? [{ labels, value }] : toSamples(name, labels, value),
    );
    return { name, help, type, values, aggregator };
  };
  return { name, help, type, get } as unknown as Metric<string>;
}

function toSamples(name: string, labels: Labels, { bounds, counts, sum, count }: Histogram) {
  const samples: MeterSample[] = [];
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    below += counts[index] ?? 0;
    const le = String(bound);
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: below });
  }
  samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count });
  samples.push({ metricName: `${name}_sum`, labels, value: sum });
  samples.push({ metricName: `${name}_count`, labels, value: count });
  return samples;
}
