/** The log in memory keeps the contract of every log. */

import { expect, test } from "bun:test";
import { MemoryBroker } from "../../src/broker/memory.ts";
import { describeBroker } from "../contract/broker.ts";
import { noBounds } from "../contract/broker-scene.ts";
import { deaf } from "../support/deaf.ts";
import { ManualClock } from "../support/manual-clock.ts";

describeBroker(
  "the log in memory",
  async (options) => {
    const broker = new MemoryBroker(options);
    return { broker, close: () => broker.close() };
  },
  { gathers: false },
);

test("a log in memory announces within the call that publishes", async () => {
  const broker = new MemoryBroker({
    retention: noBounds,
    clock: new ManualClock(),
    epoch: "abc",
  });
  let heard = 0;
  await broker.start({
    ...deaf,
    announce: (messages) => {
      heard += messages.length;
    },
  });
  const from = { id: "alice", name: "Alice" };
  const body = { kind: "json", json: "1" } as const;
  const published = broker.publish({ room: "hall", id: "1", from, at: 0, body });
  expect(heard).toBe(1);
  expect(await published).toEqual({ epoch: "abc", offset: 1, duplicate: false });
});

test("a log in memory leaves no timer behind when it is closed", async () => {
  const clock = new ManualClock();
  const broker = new MemoryBroker({ retention: { ...noBounds, ageMsMax: 1 }, clock });
  clock.advance(10_000);
  expect(clock.waiting).toBe(1);
  await broker.close();
  expect(clock.waiting).toBe(0);
});
