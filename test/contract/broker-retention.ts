/** The part of the log's suite about forgetting. */

import { expect, test } from "bun:test";
import { json, noBounds, type OpenBroker, range, Scene } from "./broker-scene.ts";

/** Holds one implementation to the bounds it was given: exactly, a little later. */
export function describeRetention(open: OpenBroker): void {
  test("forgets the oldest above a count", async () => {
    await using scene = await Scene.open(open, { ...noBounds, messagesMax: 100 });
    await scene.publishMany("hall", 1_700);
    await scene.publishMany("yard", 100);
    await scene.passUntil(async () => (await scene.broker.head("hall")).first === 1_601);
    expect(await scene.offsets("hall")).toEqual(range(1_601, 1_700));
    expect(await scene.offsetsBefore("hall", 1_603)).toEqual([1_601, 1_602]);
    expect(await scene.offsets("yard")).toEqual(range(1, 100));
  });

  test("forgets the oldest above a number of bytes, but not the newest", async () => {
    await using scene = await Scene.open(open, { ...noBounds, bytesMax: 100 });
    const body = json("x".repeat(8));
    await Promise.all(range(1, 300).map(() => scene.publish("hall", { body })));
    await scene.passUntil(async () => (await scene.broker.head("hall")).first === 291);
    expect(await scene.offsets("hall")).toEqual(range(291, 300));
    await scene.publish("hall", { body: json("x".repeat(500)) });
    await scene.passUntil(async () => (await scene.broker.head("hall")).first === 301);
    expect(await scene.offsets("hall")).toEqual([301]);
  });

  test("forgets empty messages like any other", async () => {
    await using scene = await Scene.open(open, { ...noBounds, messagesMax: 1 });
    const body = { kind: "bytes", bytes: new Uint8Array() } as const;
    for (const offset of range(1, 3)) {
      expect((await scene.publish("hall", { body })).offset).toBe(offset);
    }
    await scene.passUntil(async () => (await scene.broker.head("hall")).first === 3);
    expect(await scene.offsets("hall")).toEqual([3]);
  });

  test("forgets what is too old, in rooms that nobody writes to as well", async () => {
    await using scene = await Scene.open(open, { ...noBounds, ageMsMax: 10_000 });
    await Promise.all(range(1, 300).map((n) => scene.publish(`room-${n}`)));
    await scene.publishMany("hall", 5);
    scene.clock.advance(6_000);
    await scene.publishMany("hall", 5);
    expect((await scene.broker.head("hall")).first).toBe(1);
    scene.clock.advance(4_001);
    await scene.passUntil(async () => (await scene.broker.head("hall")).first === 6);
    await scene.passUntil(async () => {
      const rooms = await scene.broker.rooms("room-", 300);
      return rooms.every(({ first, last }) => first === 2 && last === 1);
    });
    expect(await scene.offsets("room-300")).toEqual([]);
  });

  test("forgets nothing too early when the clock is set back, or was, and numbers on", async () => {
    const hourMs = 3_600_000;
    await using scene = await Scene.open(open, { ...noBounds, ageMsMax: hourMs });
    const start = scene.clock.now();
    await scene.publishMany("hall", 3);
    scene.clock.set(start - 24 * hourMs);
    await scene.publishMany("hall", 3);
    scene.clock.advance(2 * hourMs);
    expect(await scene.offsets("hall")).toEqual(range(1, 6)); // what came first goes first
    scene.clock.set(start + 60_000);
    await scene.publishMany("hall", 3);
    await scene.pass(10);
    expect(await scene.offsets("hall")).toEqual(range(1, 9));
    const times = (await scene.broker.read("hall", 0, 10, 100_000)).map(({ at }) => at - start);
    expect([times[0], times[3], times[6]]).toEqual([0, -24 * hourMs, 60_000]);
    scene.clock.advance(hourMs);
    await scene.passUntil(async () => (await scene.broker.head("hall")).first === 10);
    expect(await scene.publish("hall")).toMatchObject({ offset: 10 });
  });

  test("numbers on after it forgot everything, also when opened again", async () => {
    await using scene = await Scene.open(open, { ...noBounds, ageMsMax: 1_000 });
    await scene.publishMany("hall", 3);
    await scene.passUntil(async () => (await scene.broker.head("hall")).first === 4);
    expect(await scene.broker.head("hall")).toMatchObject({ first: 4, last: 3, lastAt: 0 });
    expect(await scene.broker.rooms("", 10)).toMatchObject([{ room: "hall", first: 4, last: 3 }]);
    if (scene.canReopen) await scene.reopen();
    expect(await scene.broker.head("hall")).toMatchObject({ first: 4, last: 3, lastAt: 0 });
    expect(await scene.publish("hall")).toMatchObject({ offset: 4, duplicate: false });
    expect(await scene.offsets("hall")).toEqual([4]);
  });

  test("forgets a room when asked to, and numbers on", async () => {
    await using scene = await Scene.open(open, noBounds);
    await scene.publishMany("hall", 1_700);
    await scene.publish("hall", { id: "same" });
    await scene.publishMany("yard", 3);
    await scene.broker.forget("hall");
    await scene.broker.forget("nowhere");
    expect(await scene.broker.head("hall")).toMatchObject({ first: 1_702, last: 1_701, lastAt: 0 });
    expect(await scene.offsets("hall")).toEqual([]);
    expect(await scene.offsets("yard")).toEqual([1, 2, 3]);
    if (scene.canReopen) await scene.reopen();
    const again = await scene.publish("hall", { id: "same" });
    expect(again).toMatchObject({ offset: 1_702, duplicate: false });
    expect(await scene.offsets("hall")).toEqual([1_702]);
  });

  test("forgets an id with its message", async () => {
    await using scene = await Scene.open(open, { ...noBounds, messagesMax: 2 });
    await scene.publish("hall", { id: "same" });
    await scene.publishMany("hall", 40);
    await scene.passUntil(async () => (await scene.broker.head("hall")).first === 40);
    expect(await scene.publish("hall", { id: "same" })).toMatchObject({
      offset: 42,
      duplicate: false,
    });
  });

  test("keeps everything where no bound is set", async () => {
    await using scene = await Scene.open(open);
    await scene.publishMany("hall", 2_000);
    scene.clock.advance(100_000);
    expect((await scene.broker.head("hall")).first).toBe(1);
    expect(await scene.offsets("hall")).toHaveLength(2_000);
  });
}
