import { describe, expect, test } from "bun:test";
import { takeToken, toRate } from "../../src/limit/token-bucket.ts";

/** Takes until it is refused, and returns how many passed. */
function drain(bucket: { paidUntil: number }, rate: ReturnType<typeof toRate>, now: number) {
  let passed = 0;
  while (passed < 10_000 && takeToken(bucket, rate, now) === 0) passed += 1;
  return passed;
}

describe("a token bucket", () => {
  test("gives its burst at once, and then one token each interval", () => {
    const bucket = { paidUntil: 0 };
    const rate = toRate(10, 5);
    expect(drain(bucket, rate, 1_000)).toBe(5);
    expect(takeToken(bucket, rate, 1_000)).toBe(100);
    expect(takeToken(bucket, rate, 1_099)).toBe(1);
    expect(takeToken(bucket, rate, 1_100)).toBe(0);
    expect(takeToken(bucket, rate, 1_100)).toBe(100);
  });

  test("is full again after its burst, and never fuller", () => {
    const bucket = { paidUntil: 0 };
    const rate = toRate(10, 5);
    drain(bucket, rate, 1_000);
    expect(drain(bucket, rate, 1_250)).toBe(2);
    expect(drain(bucket, rate, 1_000_000)).toBe(5);
  });

  test("lets through what keeps its pace, for as long as it likes", () => {
    const bucket = { paidUntil: 0 };
    const rate = toRate(1_000, 1);
    for (let now = 0; now < 10_000; now += 1) expect(takeToken(bucket, rate, now)).toBe(0);
  });

  test("passes its burst exactly, whatever fractions its interval has", () => {
    for (const perSecond of [3, 7, 300, 999, 2_000 / 3_600]) {
      for (const burst of [1, 2, 3, 100, 2_000]) {
        const at = 123_456.789;
        expect(drain({ paidUntil: 0 }, toRate(perSecond, burst), at)).toBe(burst);
      }
    }
  });

  test("takes nothing when it refuses, so that waiting as long as it says is enough", () => {
    const bucket = { paidUntil: 0 };
    const rate = toRate(2, 1);
    takeToken(bucket, rate, 0);
    for (let again = 0; again < 100; again += 1) expect(takeToken(bucket, rate, 100)).toBe(400);
    expect(takeToken(bucket, rate, 500)).toBe(0);
  });

  test("bounds nothing where nothing is bounded", () => {
    expect(drain({ paidUntil: 0 }, toRate(0, 1), 0)).toBe(10_000);
  });
});
