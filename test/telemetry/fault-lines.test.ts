import { expect, test } from "bun:test";
import { FaultLines } from "../../src/telemetry/fault-lines.ts";
import { ManualClock } from "../support/manual-clock.ts";

const settleMs = 5_000;

function setUp() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const fault = new FaultLines({
    ...{ clock, settleMs },
    onBegin: (sentence) => lines.push(sentence),
    onEnd: (ms) => lines.push(`over after ${ms}`),
  });
  return { clock, lines, fault };
}

test("a fault is one line where it begins and one where it is over", () => {
  const { clock, lines, fault } = setUp();
  fault.begin("full");
  clock.advance(60_000);
  fault.begin("still full");
  clock.advance(60_000);
  fault.end();
  expect(lines).toEqual(["full"]);
  clock.advance(settleMs);
  expect(lines).toEqual(["full", "over after 120000"]);
  fault.end();
  clock.advance(settleMs);
  fault.begin("full again");
  expect(lines).toEqual(["full", "over after 120000", "full again"]);
});

test("a fault that comes and goes is one, from its beginning to its last end", () => {
  const { clock, lines, fault } = setUp();
  for (let times = 0; times < 10; times += 1) {
    fault.begin("full");
    clock.advance(500);
    fault.end();
    fault.end();
    clock.advance(settleMs - 1);
  }
  expect(lines).toEqual(["full"]);
  clock.advance(1);
  expect(lines).toEqual(["full", `over after ${9 * (settleMs + 499) + 500}`]);
  expect(clock.waiting).toBe(0);
});

test("the end of a fault that was forgotten is not told, and the next one is", () => {
  const { clock, lines, fault } = setUp();
  fault.begin("full");
  fault.end();
  fault.forget();
  fault.end();
  clock.advance(settleMs);
  expect(lines).toEqual(["full"]);
  fault.begin("full anew");
  fault.end();
  clock.advance(settleMs);
  expect(lines).toEqual(["full", "full anew", "over after 0"]);
});
