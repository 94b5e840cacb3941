import { describe, expect, test } from "bun:test";
import { calmMs, Load, type LoadMeasures } from "../../src/limit/load.ts";

const idle: LoadMeasures = { rssBytes: 0, publishBytes: 0, storeWaitMs: 0, loopDelayMs: 0 };
const bounds = { memoryBytesMax: 1_000, publishBytesMax: 1_000 };

describe("a load", () => {
  test.each([
    ["rssBytes", [999, 1_000, 1_049, 1_050, 1_099, 1_100], "memory-max"],
    ["publishBytes", [499, 500, 749, 750, 999, 1_000], "publish-bytes"],
    ["storeWaitMs", [999, 1_000, 1_999, 2_000, 2_999, 3_000], "store-wait"],
  ] as const)("is told from %s, level by level", (name, values, cause) => {
    const levels = values.map((value) => {
      const load = new Load(bounds);
      load.observe({ ...idle, [name]: value }, 0);
      if (load.level > 0) expect(load.cause).toBe(cause);
      return load.level;
    });
    expect(levels).toEqual([0, 1, 1, 2, 2, 3]);
  });

  test("is told from the event loop only when that is late several times in a row", () => {
    const load = new Load(bounds);
    const late = { ...idle, loopDelayMs: 5_000 };
    const nine = Array.from({ length: 9 }, () => late);
    for (const measures of [...nine, idle, ...nine]) {
      load.observe(measures, 0);
      expect(load.level).toBe(0);
    }
    expect(load.observe({ ...idle, loopDelayMs: 600 }, 0)).toBe(true);
    expect([load.level, load.cause]).toEqual([1, "event-loop"]);
  });

  test("without a bound for memory does not look at it", () => {
    const load = new Load({ ...bounds, memoryBytesMax: 0 });
    load.observe({ ...idle, rssBytes: Number.MAX_SAFE_INTEGER }, 0);
    expect(load.level).toBe(0);
  });

  test("falls by one level after each while of calm, and not by a short one", () => {
    const load = new Load(bounds);
    load.observe({ ...idle, rssBytes: 1_100 }, 0);
    expect(load.observe(idle, calmMs - 1)).toBe(false);
    expect(load.level).toBe(3);
    expect(load.observe(idle, calmMs)).toBe(true);
    expect(load.level).toBe(2);
    load.observe(idle, 2 * calmMs);
    load.observe({ ...idle, rssBytes: 1_001 }, 3 * calmMs - 1);
    expect([load.level, load.cause]).toEqual([1, "memory-max"]);
    load.observe(idle, 4 * calmMs - 1);
    expect(load.level).toBe(0);
  });

  test("does not fall while it is just below where its level begins", () => {
    const load = new Load(bounds);
    load.observe({ ...idle, rssBytes: 1_000 }, 0);
    for (let at = calmMs; at < 10 * calmMs; at += calmMs) {
      load.observe({ ...idle, rssBytes: 910 }, at);
      expect(load.level).toBe(1);
    }
    load.observe({ ...idle, rssBytes: 890 }, 11 * calmMs);
    expect(load.level).toBe(0);
  });

  test("names what keeps it up once what raised it is over", () => {
    const load = new Load(bounds);
    load.observe({ ...idle, rssBytes: 940, storeWaitMs: 3_000 }, 0);
    expect([load.level, load.cause]).toEqual([3, "store-wait"]);
    for (const at of [1, 2, 3, 4]) load.observe({ ...idle, rssBytes: 940 }, at * calmMs);
    expect([load.level, load.cause]).toEqual([1, "memory-max"]);
  });
});
