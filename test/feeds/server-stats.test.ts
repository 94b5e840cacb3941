import { expect, test } from "bun:test";
import { startServerStats } from "../../src/feeds/server-stats.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createNotingBroker } from "../support/noting-broker.ts";

test("the server's numbers are told once a second, until it is stopped", () => {
  const clock = new ManualClock();
  const { broker, drafts, contents } = createNotingBroker();
  let deliveries = 1_000;
  const stop = startServerStats(broker, clock, () => ({ connections: 3, rooms: 2, deliveries }));
  deliveries = 1_500;
  clock.advance(1_000);
  deliveries = 1_503;
  clock.advance(1_000);
  expect(drafts).toHaveLength(2);
  expect(drafts[0]).toMatchObject({ room: "$server", from: { id: "$server" } });
  expect(contents()).toMatchObject([
    { timestamp: clock.now() - 1_000, connections: 3, rooms: 2, deliveriesPerSecond: 500 },
    { timestamp: clock.now(), connections: 3, rooms: 2, deliveriesPerSecond: 3 },
  ]);
  for (const { rssBytes, cpu } of contents()) {
    expect(rssBytes).toBeGreaterThan(1_000_000);
    expect(cpu).toBeGreaterThanOrEqual(0);
  }
  stop();
  stop();
  clock.advance(10_000);
  expect([drafts.length, clock.waiting]).toEqual([2, 0]);
});
