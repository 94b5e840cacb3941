import { expect, test } from "bun:test";
import { startClock } from "../../src/feeds/clock.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createNotingBroker } from "../support/noting-broker.ts";

test("the clock tells the time on each full second, until it is stopped", () => {
  const clock = new ManualClock(1_763_690_000_250);
  const { broker, drafts, contents } = createNotingBroker();
  const stop = startClock(broker, clock);
  clock.advance(749);
  expect(drafts).toEqual([]);
  clock.advance(1);
  clock.advance(2_000);
  expect(contents()).toEqual([
    { timestamp: 1_763_690_001_000, iso: "2025-11-21T01:53:21.000Z" },
    { timestamp: 1_763_690_002_000, iso: "2025-11-21T01:53:22.000Z" },
    { timestamp: 1_763_690_003_000, iso: "2025-11-21T01:53:23.000Z" },
  ]);
  expect(drafts[0]).toMatchObject({
    room: "$clock",
    from: { id: "$clock" },
    at: 1_763_690_001_000,
  });
  expect(new Set(drafts.map(({ id }) => id)).size).toBe(3);
  stop();
  stop();
  clock.advance(10_000);
  expect([drafts.length, clock.waiting]).toEqual([3, 0]);
});
