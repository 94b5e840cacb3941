/** The part of the log's suite about reads, heads and lists of rooms. */

import { expect, test } from "bun:test";
import { json, type OpenBroker, plenty, range, Scene } from "./broker-scene.ts";

/** Holds one implementation to what `Broker` says of reading. */
export function describeReading(open: OpenBroker): void {
  describeEdges(open);
  describeBounds(open);
  describeRooms(open);
}

function describeEdges(open: OpenBroker): void {
  test("tells of a room never heard of that it starts at 1 and has nothing", async () => {
    await using scene = await Scene.open(open);
    const { epoch } = await scene.publish("hall");
    expect(await scene.broker.head("nowhere")).toEqual({ epoch, first: 1, last: 0, lastAt: 0 });
    expect(await scene.offsets("nowhere")).toEqual([]);
    expect(await scene.offsetsBefore("nowhere", 5)).toEqual([]);
    expect((await scene.broker.rooms("", 10)).map(({ room }) => room)).toEqual(["hall"]);
  });

  test("tells the oldest, the newest and when the newest came", async () => {
    await using scene = await Scene.open(open);
    await scene.publishMany("hall", 3);
    scene.clock.advance(5_000);
    const { epoch } = await scene.publish("hall");
    const lastAt = scene.clock.now();
    expect(await scene.broker.head("hall")).toEqual({ epoch, first: 1, last: 4, lastAt });
  });

  test("reads forwards from above any offset", async () => {
    await using scene = await Scene.open(open);
    await scene.publishMany("hall", 20);
    await scene.publishMany("yard", 5);
    expect(await scene.offsets("hall")).toEqual(range(1, 20));
    expect(await scene.offsets("hall", 13)).toEqual(range(14, 20));
    expect(await scene.offsets("hall", 19)).toEqual([20]);
    expect(await scene.offsets("hall", 20)).toEqual([]);
    expect(await scene.offsets("hall", Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(await scene.offsets("hall", 7, 4)).toEqual([8, 9, 10, 11]);
    expect(await scene.offsets("hall", 7, 0)).toEqual([]);
  });

  test("reads backwards from below any offset, oldest first", async () => {
    await using scene = await Scene.open(open);
    await scene.publishMany("hall", 20);
    await scene.publishMany("yard", 5);
    expect(await scene.offsetsBefore("hall", Number.MAX_SAFE_INTEGER, 3)).toEqual([18, 19, 20]);
    expect(await scene.offsetsBefore("hall", 21)).toEqual(range(1, 20));
    expect(await scene.offsetsBefore("hall", 20, 2)).toEqual([18, 19]);
    expect(await scene.offsetsBefore("hall", 2)).toEqual([1]);
    expect(await scene.offsetsBefore("hall", 1)).toEqual([]);
    expect(await scene.offsetsBefore("hall", 0)).toEqual([]);
    expect(await scene.offsetsBefore("hall", 5, 0)).toEqual([]);
  });
}

function describeBounds(open: OpenBroker): void {
  // Each body is `"x…x"`: ten bytes.
  const body = json("x".repeat(8));

  test("reads at most so many bytes of bodies, and always one message", async () => {
    await using scene = await Scene.open(open);
    await Promise.all(range(1, 10).map(() => scene.publish("hall", { body })));
    expect(await scene.offsets("hall", 0, plenty, 0)).toEqual([1]);
    expect(await scene.offsets("hall", 0, plenty, 19)).toEqual([1]);
    expect(await scene.offsets("hall", 0, plenty, 20)).toEqual([1, 2]);
    expect(await scene.offsets("hall", 4, plenty, 35)).toEqual([5, 6, 7]);
    expect(await scene.offsetsBefore("hall", 11, plenty, 0)).toEqual([10]);
    expect(await scene.offsetsBefore("hall", 11, plenty, 30)).toEqual([8, 9, 10]);
    expect(await scene.offsetsBefore("hall", 8, plenty, 29)).toEqual([6, 7]);
  });

  test("counts bytes of UTF-8, not signs", async () => {
    await using scene = await Scene.open(open);
    await scene.publish("hall", { body: json("ёё") }); // Six bytes with its quotes.
    await scene.publish("hall", { body: { kind: "bytes", bytes: new Uint8Array(4) } });
    await scene.publish("hall", { body: json(1) });
    expect(await scene.offsets("hall", 0, plenty, 9)).toEqual([1]);
    expect(await scene.offsets("hall", 0, plenty, 10)).toEqual([1, 2]);
    expect(await scene.offsets("hall", 0, plenty, 11)).toEqual([1, 2, 3]);
  });

  test("goes on reading after a read that a bound ended", async () => {
    await using scene = await Scene.open(open);
    await scene.publishMany("hall", 500);
    const read: number[] = [];
    for (;;) {
      const page = await scene.offsets("hall", read.at(-1) ?? 0, 64, 100);
      if (page.length === 0) break;
      read.push(...page);
      await scene.publish("yard");
    }
    expect(read).toEqual(range(1, 500));
  });
}

function describeRooms(open: OpenBroker): void {
  test("lists a thousand rooms in pages, by name in code-unit order, with their heads", async () => {
    await using scene = await Scene.open(open);
    const names = range(1, 1_000).map((n) => `${"aB_.:~-9"[n % 8]}${n}`);
    const published = await Promise.all(names.map((name) => scene.publish(name)));
    await Promise.all(names.slice(0, 100).map((name) => scene.publish(name)));
    const listed: string[] = [];
    for (;;) {
      const page = await scene.broker.rooms(listed.at(-1) ?? "", 130);
      if (page.length === 0) break;
      expect(page.length).toBeLessThanOrEqual(130);
      for (const { room, ...head } of page) expect(head).toEqual(await scene.broker.head(room));
      listed.push(...page.map(({ room }) => room));
    }
    expect(listed).toEqual([...names].sort(byCodeUnit));
    expect(new Set(published.map(({ offset }) => offset))).toEqual(new Set([1]));
    const [first] = await scene.broker.rooms("", 1);
    const isAmongFirst = names.indexOf(first?.room ?? "") < 100;
    expect(first?.last).toBe(isAmongFirst ? 2 : 1);
    expect(await scene.broker.rooms("", 0)).toEqual([]);
  });
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
