import { expect, test } from "bun:test";
import { RecentLatency } from "../../src/http/recent-latency.ts";
import { Histogram } from "../../src/telemetry/histogram.ts";

const bounds = [0.001, 0.01, 0.1];

test("the last ten samples are told of together, what came before is forgotten", () => {
  const [one, two] = [new Histogram(bounds), new Histogram(bounds)];
  one.observe(0.1); // before anybody watched
  const latency = new RecentLatency([one, two]);
  const nothing = { count: 0, p50: null, p95: null, p99: null, max: null };
  expect(latency.sample()).toEqual(nothing);
  one.observe(0.0005);
  two.observe(0.05);
  expect(latency.sample()).toMatchObject({ count: 2, p50: 1, max: 100 });
  for (let turn = 0; turn < 9; turn += 1) expect(latency.sample().count).toBe(2);
  expect(latency.sample()).toEqual(nothing);
});
