import { expect, test } from "bun:test";
import { PublishBudget } from "../../src/limit/publish-budget.ts";

test("a budget gives its bytes to the last one, and then says when to try again", () => {
  const budget = new PublishBudget(100, () => 0);
  budget.take(60);
  budget.take(40);
  expect(() => budget.take(1)).toThrow(
    expect.objectContaining({ code: "unavailable", retryAfterMs: 1_000, limit: "publish-bytes" }),
  );
  expect(budget.bytes).toBe(100);
  budget.give(60);
  budget.take(60);
});

test("what arrives bit by bit is given back at the end, also when it was too much", () => {
  const budget = new PublishBudget(100, () => 0);
  const arrive = (times: number) => {
    using held = budget.hold();
    held.take(16_000);
    for (let left = times; left > 0; left -= 1) held.take(40);
    return budget.bytes;
  };
  expect(arrive(9)).toBe(0); // what everybody has free
  expect(arrive(12)).toBe(96);
  expect(() => arrive(13)).toThrow("Too much");
  expect(budget.bytes).toBe(0);
});

test("a budget tells how long the oldest publish waits", () => {
  let now = 1_000;
  const budget = new PublishBudget(100, () => now);
  expect(budget.waitMs).toBe(0);
  const first = budget.begin(10);
  now += 50;
  const second = budget.begin(10);
  expect([budget.waitMs, budget.bytes]).toEqual([50, 20]);
  budget.end(first);
  budget.end(first);
  expect([budget.waitMs, budget.bytes]).toEqual([0, 10]);
  now += 5;
  expect(budget.waitMs).toBe(5);
  budget.end(second);
  expect([budget.waitMs, budget.bytes]).toEqual([0, 0]);
});
