import { expect, test } from "bun:test";
import { Pace } from "../../src/cli/pace.ts";

function setUp() {
  const clock = { now: 5_000, slept: 0 };
  const pace = new Pace(
    () => clock.now,
    async (ms) => {
      clock.now += ms;
      clock.slept += ms;
    },
  );
  return { clock, pace };
}

test("without a limit nothing waits", async () => {
  const { clock, pace } = setUp();
  for (let left = 1_000; left > 0; left -= 1) await pace.take();
  expect(clock.slept).toBe(0);
});

test("a pace stays below the limit, after a burst below the burst", async () => {
  const { clock, pace } = setUp();
  pace.follow(1_000, 200);
  let free = 0;
  while (clock.slept === 0) {
    await pace.take();
    free += 1;
  }
  expect(free).toBeGreaterThan(90);
  expect(free).toBeLessThan(120);
  const from = clock.now;
  for (let left = 5_000; left > 0; left -= 1) await pace.take();
  const perSecond = 5_000 / ((clock.now - from) / 1_000);
  expect(perSecond).toBeGreaterThan(930);
  expect(perSecond).toBeLessThan(960);
});

test("a limit that is lifted holds nobody up", async () => {
  const { clock, pace } = setUp();
  pace.follow(1, 1);
  await pace.take();
  pace.follow(0, 0);
  clock.slept = 0;
  for (let left = 100; left > 0; left -= 1) await pace.take();
  expect(clock.slept).toBe(0);
});
