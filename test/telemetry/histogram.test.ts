import { describe, expect, test } from "bun:test";
import { Histogram } from "../../src/telemetry/histogram.ts";

describe("a histogram", () => {
  test("counts a value in the first bucket whose bound is not below it", () => {
    const histogram = new Histogram([1, 5, 10]);
    for (const value of [0, 1, 1.001, 5, 9, 10, 10.5, 1_000]) histogram.observe(value);
    expect([...histogram.counts]).toEqual([2, 2, 2, 2]);
    expect([histogram.count, histogram.sum]).toEqual([8, 1_036.501]);
  });

  test("estimates quantiles within their bucket, as Prometheus does", () => {
    const histogram = new Histogram([1, 2, 4]);
    for (const value of [0.5, 0.5, 1.5, 1.5, 3, 3, 3, 3]) histogram.observe(value);
    expect(histogram.quantile(0.25)).toBe(1);
    expect(histogram.quantile(0.5)).toBe(2);
    expect(histogram.quantile(0.75)).toBe(3);
    expect(histogram.quantile(1)).toBe(4);
    expect(histogram.quantile(0)).toBe(0);
  });

  test("takes what is above all bounds for the last bound", () => {
    const histogram = new Histogram([1, 2]);
    histogram.observe(100);
    expect(histogram.quantile(0.5)).toBe(2);
  });

  test("leaves empty buckets out, also at the edges", () => {
    const histogram = new Histogram([1, 2, 3, 4]);
    histogram.observe(2.5);
    expect(histogram.quantile(0)).toBe(2);
    expect(histogram.quantile(1)).toBe(3);
  });

  test("tells of what came since an earlier moment alone", () => {
    const histogram = new Histogram([1, 10, 100]);
    for (let turn = 0; turn < 1_000; turn += 1) histogram.observe(50);
    const before = Histogram.join([histogram]);
    expect(histogram.quantile(0.5, before)).toBeNull();
    histogram.observe(0.5);
    expect(histogram.quantile(1, before)).toBe(1);
    expect(before.count).toBe(1_000);
  });

  test("joins others of the same bounds, and stays what it is", () => {
    const [one, two] = [new Histogram([1, 2]), new Histogram([1, 2])];
    one.observe(1);
    two.observe(2);
    two.observe(3);
    const joined = Histogram.join([one, two]);
    expect([...joined.counts, joined.count, joined.sum]).toEqual([1, 1, 1, 3, 6]);
    expect([one.count, two.count]).toEqual([1, 2]);
    expect(Histogram.join([]).quantile(0.5)).toBeNull();
  });
});
