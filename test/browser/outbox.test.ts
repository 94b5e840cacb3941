/** The page's own messages on their way, without a browser. */

import { describe, expect, test } from "bun:test";
import { backoffMs } from "../../public/app/backoff.ts";
import { Outbox } from "../../public/app/outbox.ts";
import { createMessageId, type Outgoing } from "../../public/app/wire.ts";

function createOutbox() {
  const sent: string[] = [];
  const states = new Map<string, Outgoing>();
  const outbox = new Outbox(
    ({ id }) => void sent.push(id),
    (outgoing) => void states.set(outgoing.id, outgoing),
  );
  return { outbox, sent, states };
}

describe("the outbox", () => {
  test("sends again what was not acknowledged, in its order and with its id", () => {
    const { outbox, sent, states } = createOutbox();
    outbox.add("r", "one", "1");
    outbox.add("r", "two", "2");
    outbox.add("other", "three", "3");
    outbox.acknowledge("1", "e:1");
    outbox.resend("r");
    expect(sent).toEqual(["1", "2", "3", "2"]);
    expect(states.get("1")?.state).toBe("sent");
    expect(states.get("2")?.state).toBe("waiting");
  });

  test("fails a message for good with the reason, and takes it again with its id", () => {
    const { outbox, sent, states } = createOutbox();
    outbox.add("r", "one", "1");
    outbox.refuse("1", "forbidden", "You may not write here.");
    expect(states.get("1")).toMatchObject({ state: "failed", failure: "You may not write here." });
    outbox.resend("r");
    expect(sent).toEqual(["1"]);
    outbox.add("r", "one", "1");
    expect(sent).toEqual(["1", "1"]);
    expect(states.get("1")?.state).toBe("waiting");
  });

  test("keeps a message whose refusal passes, and sends it after the delay", async () => {
    const { outbox, sent, states } = createOutbox();
    outbox.add("r", "one", "1");
    const sentAt = performance.now();
    outbox.refuse("1", "rate_limited", "Too many.", 20);
    expect(states.get("1")?.state).toBe("waiting");
    while (sent.length < 2 && performance.now() - sentAt < 5_000) await Bun.sleep(1);
    expect(sent).toEqual(["1", "1"]);
    expect(performance.now() - sentAt).toBeGreaterThan(15);
  });

  test("fails only the largest message when the server found one too large", () => {
    const { outbox, states } = createOutbox();
    outbox.add("r", "small", "1");
    outbox.add("r", "x".repeat(1_000), "2");
    outbox.failLargest();
    expect(states.get("1")?.state).toBe("waiting");
    expect(states.get("2")?.state).toBe("failed");
  });

  test("forgets what waits for a room that was left", () => {
    const { outbox, sent } = createOutbox();
    outbox.add("r", "one", "1");
    outbox.discard("r");
    outbox.resend("r");
    expect(sent).toEqual(["1"]);
  });
});

test("waits grow exponentially up to 30 seconds, spread over all of it", () => {
  expect(backoffMs(0, () => 0.999)).toBe(250);
  expect(backoffMs(1, () => 0.999)).toBe(500);
  expect(backoffMs(3, () => 0.5)).toBe(1_000);
  expect(backoffMs(7, () => 0.9999)).toBe(29_997);
  expect(backoffMs(1_000, () => 0.9999)).toBe(29_997);
  expect(backoffMs(5, () => 0)).toBe(0);
});

test("message ids are 128 random bits", () => {
  const ids = new Set(Array.from({ length: 1_000 }, createMessageId));
  expect(ids.size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
});
