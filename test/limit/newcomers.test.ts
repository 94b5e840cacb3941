import { expect, test } from "bun:test";
import { Newcomers } from "../../src/limit/newcomers.ts";
import { ManualClock } from "../support/manual-clock.ts";

function create(withinMs: number) {
  const clock = new ManualClock(0);
  const silent: string[] = [];
  const newcomers = new Newcomers<string>({
    clock,
    now: () => clock.now(),
    withinMs,
    onSilent: (newcomer) => silent.push(newcomer),
  });
  return { clock, silent, newcomers };
}

test("whoever says nothing is sent away when its time is over, with one timer for all", () => {
  const { clock, silent, newcomers } = create(100);
  for (const [name, waitMs] of [
    ["a", 40],
    ["b", 40],
    ["c", 19],
  ] as const) {
    newcomers.add(name);
    clock.advance(waitMs);
    expect(clock.waiting).toBe(1);
  }
  expect(silent).toEqual([]);
  clock.advance(1);
  expect(silent).toEqual(["a"]);
  clock.advance(40);
  expect(silent).toEqual(["a", "b"]);
  clock.advance(40);
  expect(silent).toEqual(["a", "b", "c"]);
  expect([newcomers.size, clock.waiting]).toEqual([0, 0]);
});

test("whoever spoke, or left, is not sent away", () => {
  const { clock, silent, newcomers } = create(100);
  newcomers.add("a");
  newcomers.add("b");
  clock.advance(99);
  newcomers.remove("a");
  newcomers.remove("nobody");
  clock.advance(1_000);
  expect(silent).toEqual(["b"]);
});

test("nobody is awaited after the close, or without a bound", () => {
  const bounded = create(100);
  bounded.newcomers.add("a");
  bounded.newcomers.close();
  bounded.newcomers.close();
  bounded.clock.advance(1_000);
  const unbounded = create(0);
  unbounded.newcomers.add("a");
  expect([bounded.clock.waiting, unbounded.clock.waiting]).toEqual([0, 0]);
  expect([...bounded.silent, ...unbounded.silent]).toEqual([]);
});
