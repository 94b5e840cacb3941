import { expect, test } from "bun:test";
import { Latencies } from "../../src/cli/latencies.ts";

test("durations are told with an error of one percent, and the longest exactly", () => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 10_000; ms += 1) latencies.add(ms);
  const { count, p50, p90, p99, p999, max } = latencies.summary();
  expect(count).toBe(10_000);
  for (const [told, true_] of [
    [p50, 5_000],
    [p90, 9_000],
    [p99, 9_900],
    [p999, 9_990],
  ] as const) {
    expect(Math.abs(told / true_ - 1)).toBeLessThan(0.012);
  }
  expect(max).toBe(10_000);
});

test("durations of nothing are zero, and those out of bounds are counted at the bounds", () => {
  const latencies = new Latencies();
  expect(latencies.summary()).toEqual({ count: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });
  latencies.add(0);
  latencies.add(-1);
  expect(latencies.quantile(0.5)).toBeLessThan(0.002);
  latencies.add(1e9);
  expect(latencies.count).toBe(3);
  expect(latencies.quantile(1)).toBeGreaterThan(590_000);
});
