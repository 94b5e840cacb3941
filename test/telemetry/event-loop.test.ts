import { expect, test } from "bun:test";
import { watchEventLoop } from "../../src/telemetry/event-loop.ts";
import { Histogram } from "../../src/telemetry/histogram.ts";
import { eventually } from "../support/poll.ts";

test("a loop that was held shows by how much, until nobody watches any more", async () => {
  const delays = new Histogram([0.05, 0.1, 1, 10]);
  const stop = watchEventLoop(delays);
  await eventually("a first look", () => delays.count > 0);
  const end = performance.now() + 250;
  while (performance.now() < end);
  await eventually("a long delay", () => (delays.quantile(1) ?? 0) > 0.1);
  stop();
  stop();
  const { count } = delays;
  await Bun.sleep(120);
  expect(delays.count).toBe(count);
});
