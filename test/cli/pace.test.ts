import { expect, test } from "bun:test";
import { createPaceNote, Pace } from "../../src/cli/pace.ts";

function setUp() {
  const clock = { now: 5_000, slept: 0, held: 0 };
  const pace = new Pace(
    () => clock.now,
    async (ms) => {
      clock.now += ms;
      clock.slept += ms;
    },
    () => {
      clock.held += 1;
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

test("a pace that holds somebody up for a second in all is told, and no sooner", async () => {
  const { clock, pace } = setUp();
  pace.follow(1_000, 0);
  for (let left = 900; left > 0; left -= 1) await pace.take();
  expect(clock.held).toBe(0);
  for (let left = 100; left > 0; left -= 1) await pace.take();
  expect(clock.held).toBeGreaterThan(0);
});

test.each<[number | string, string]>([
  [1_000, "The server takes 1,000 messages a second from one user, so this waits.\n"],
  ["Too many.", "The server bounds the pace, so this waits: Too many.\n"],
])("that it is the server who bounds the pace (%j) is said once", (why, sentence) => {
  const said: string[] = [];
  const note = createPaceNote((text) => said.push(text));
  note(why);
  note(why);
  expect(said).toEqual([sentence]);
});
