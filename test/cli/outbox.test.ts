import { describe, expect, test } from "bun:test";
import { Outbox, OutboxFailure } from "../../src/cli/outbox.ts";

/** An outbox whose messages are stored, or not, when the test says so. */
function setUp(countMax: number, bytesMax: number) {
  const onWay: PromiseWithResolvers<string>[] = [];
  const publish = () => {
    const each = Promise.withResolvers<string>();
    onWay.push(each);
    return each.promise;
  };
  const outbox = new Outbox(publish, { countMax, bytesMax });
  let pushed = 0;
  const push = async (bytes: number) => {
    const number = pushed + 1;
    await outbox.push({ content: number, bytes, id: undefined, number });
    pushed = number;
  };
  return { outbox, push, onWay };
}

/** True if it is not settled once all that can happen now has happened. */
async function isWaiting(promise: Promise<unknown>): Promise<boolean> {
  let waits = true;
  const stop = () => {
    waits = false;
  };
  promise.then(stop, stop);
  await new Promise((resolve) => setImmediate(resolve));
  return waits;
}

describe("an outbox", () => {
  test("has so many messages on their way, and no more", async () => {
    const { outbox, push, onWay } = setUp(2, 1_000);
    await push(1);
    await push(1);
    const third = push(1);
    expect(await isWaiting(third)).toBe(true);
    onWay[1]?.resolve("e:2");
    await third;
    expect([outbox.onWay, outbox.acknowledged, outbox.position]).toEqual([2, 1, "e:2"]);
    const settled = outbox.settle();
    onWay[0]?.resolve("e:1");
    expect(await isWaiting(settled)).toBe(true);
    onWay[2]?.resolve("e:3");
    await settled;
    expect([outbox.onWay, outbox.acknowledged, outbox.position]).toEqual([0, 3, "e:3"]);
  });

  test("has so many bytes on their way, or a single message of more", async () => {
    const { push, onWay } = setUp(10, 10);
    await push(11);
    const second = push(1);
    expect(await isWaiting(second)).toBe(true);
    onWay[0]?.resolve("e:1");
    await second;
    await push(9);
    expect(await isWaiting(push(1))).toBe(true);
  });

  test("fails by the first message that was not stored, and counts the others", async () => {
    const { outbox, push, onWay } = setUp(3, 1_000);
    for (let left = 3; left > 0; left -= 1) await push(1);
    onWay[1]?.reject(new Error("no"));
    const failure = await outbox.settle().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OutboxFailure);
    expect(failure).toMatchObject({ number: 2, reason: new Error("no") });
    expect(push(1)).rejects.toBe(failure);
    const closed = outbox.close(60_000);
    onWay[0]?.resolve("e:1");
    onWay[2]?.resolve("e:2");
    await closed;
    expect(outbox.acknowledged).toBe(2);
  });

  test("that is closed takes no more, and waits no longer than it may", async () => {
    const { outbox, push } = setUp(2, 1_000);
    await push(1);
    await outbox.close(1);
    expect(outbox.onWay).toBe(1);
    expect(push(1)).rejects.toThrow("The outbox was closed.");
  });
});
