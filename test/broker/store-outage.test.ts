/** An outage is told once, tried less and less often, and ends with the first try that succeeds. */

import { expect, test } from "bun:test";
import { StoreFault } from "../../src/broker/store-fault.ts";
import { StoreOutage } from "../../src/broker/store-outage.ts";
import { ManualClock } from "../support/manual-clock.ts";

const full = new StoreFault("full", "The disk is full.");

test("the store is tried after 250 ms, then after twice as long each time, up to 5 s", async () => {
  const { outage, clock, tries, pass } = open();
  const start = clock.now();
  outage.begin(full);
  await pass(30_000);
  const delays = tries.map((at, index) => at - (tries[index - 1] ?? start));
  expect(delays.slice(0, 8)).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  expect(outage.retryAfterMs).toBe(5_000);
  await outage.close();
});

test("it is told once when it begins, and once when it ends with how long it took", async () => {
  const { outage, told, state, pass } = open();
  outage.begin(full);
  outage.begin(new StoreFault("locked", "Another program holds the store's lock."));
  expect(outage.reason).toBe("Another program holds the store's lock.");
  await pass(3_000);
  expect(outage.reason).toBe("The disk is full."); // as the newest try found
  state.isFull = false;
  await pass(5_000);
  expect(outage.reason).toBeNull();
  expect(told).toEqual(["The disk is full.", 3_750]);
  await outage.close();
});

test("a store that breaks again at once is not tried as often as at first", async () => {
  const { outage, clock, tries, state, pass } = open();
  state.isFull = false;
  for (const delayMs of [250, 500, 1_000]) {
    const start = clock.now();
    outage.begin(full);
    await pass(delayMs);
    expect(tries.at(-1)).toBe(start + delayMs);
    expect(outage.reason).toBeNull();
  }
  await pass(10_000);
  const start = clock.now();
  outage.begin(full);
  await pass(250);
  expect(tries.at(-1)).toBe(start + 250);
  await outage.close();
});

test("what only a restart ends is not tried", async () => {
  const { outage, tries, clock, pass } = open();
  outage.begin(new StoreFault("final", "The store is damaged."));
  await pass(60_000);
  expect([tries, clock.waiting, outage.reason]).toEqual([[], 0, "The store is damaged."]);
  await outage.close();
});

test("a closed one waits for the try under way and makes no other", async () => {
  const clock = new ManualClock();
  const { promise, resolve } = Promise.withResolvers<void>();
  const options = { clock, onBreak: () => {}, onHeal: () => {} };
  const outage = new StoreOutage({ ...options, heal: () => promise });
  outage.begin(full);
  clock.advance(250);
  let isClosed = false;
  const closing = outage.close().then(() => {
    isClosed = true;
  });
  await Bun.sleep(1);
  expect(isClosed).toBe(false);
  resolve();
  await closing;
  expect(clock.waiting).toBe(0);
});

/** An outage of a store that is full until a test says otherwise. */
function open() {
  const clock = new ManualClock();
  const tries: number[] = [];
  const told: (string | number)[] = [];
  const state = { isFull: true };
  const outage = new StoreOutage({
    clock,
    async heal() {
      tries.push(clock.now());
      if (state.isFull) throw full;
    },
    onBreak: ({ message }) => told.push(message),
    onHeal: (outageMs) => told.push(outageMs),
  });
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 250) {
      clock.advance(250);
      await Bun.sleep(0);
    }
  };
  return { outage, clock, tries, told, state, pass };
}
