import { expect, test } from "bun:test";
import { Pace } from "../../src/hub/pace.ts";

test("a pace tells what happens steadily, and fades when nothing does", () => {
  const pace = new Pace();
  expect(pace.perSecondAt(1_000)).toBe(0);
  for (let at = 0; at <= 60_000; at += 100) pace.add(at);
  expect(pace.perSecondAt(60_000)).toBeCloseTo(10, 0);
  expect(pace.perSecondAt(65_000)).toBeCloseTo(10 / Math.E, 0);
  expect(pace.perSecondAt(200_000)).toBeCloseTo(0, 5);
});

test("a clock that is set back makes no pace larger", () => {
  const pace = new Pace();
  pace.add(1_000_000);
  const before = pace.perSecondAt(1_000_000);
  expect(pace.perSecondAt(0)).toBe(before);
  pace.add(0);
  expect(pace.perSecondAt(0)).toBeCloseTo(2 * before, 6);
});
