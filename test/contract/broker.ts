/** The one suite for every log: what `Broker` promises, each promise a test that can fail. */

import { describe, expect, test } from "bun:test";
import { describeContents } from "./broker-contents.ts";
import { describeModel } from "./broker-model.ts";
import { describeReading } from "./broker-reading.ts";
import { describeRetention } from "./broker-retention.ts";
import {
  type BrokerCapabilities,
  codeOf,
  json,
  type OpenBroker,
  range,
  Scene,
} from "./broker-scene.ts";

/** Holds one implementation to the contract. */
export function describeBroker(
  name: string,
  open: OpenBroker,
  capabilities: BrokerCapabilities,
): void {
  describe(name, () => {
    describeOrder(open, capabilities);
    describeDuplicates(open);
    describeClosing(open);
    describeReading(open);
    describeContents(open);
    describeRetention(open);
    describeModel(open);
  });
}

function describeOrder(open: OpenBroker, { gathers }: BrokerCapabilities): void {
  test("numbers each room from 1 without holes, in the order of the calls", async () => {
    await using scene = await Scene.open(open);
    const published = await Promise.all(range(0, 899).map((n) => scene.publish(`room-${n % 3}`)));
    expect(published.map(({ offset }) => offset)).toEqual(
      range(0, 899).map((n) => Math.floor(n / 3) + 1),
    );
    expect(published.every(({ duplicate }) => !duplicate)).toBe(true);
    expect(new Set(published.map(({ epoch }) => epoch)).size).toBe(1);
    expect(published[0]?.epoch).toMatch(/^[0-9a-z]{6,32}$/);
  });

  test("announces each message once, whole, in the order of the offsets of its room", async () => {
    await using scene = await Scene.open(open);
    await scene.listen(...range(0, 4).map((n) => `room-${n}`));
    const drafts = range(0, 1_199).map((n) => scene.draft(`room-${n % 5}`));
    const published = await Promise.all(drafts.map((draft) => scene.broker.publish(draft)));
    expect(scene.announced).toHaveLength(drafts.length);
    for (const room of range(0, 4)) {
      const heard = scene.announced.filter((message) => message.room === `room-${room}`);
      const sent = drafts.flatMap((draft, n) =>
        draft.room === `room-${room}` ? [{ ...draft, ...place(published[n]) }] : [],
      );
      expect<unknown>(heard).toEqual(sent);
    }
  });

  test("announces a message before its publish resolves", async () => {
    await using scene = await Scene.open(open);
    await scene.listen("hall");
    const happened: string[] = [];
    scene.onAnnounce = (messages) => {
      for (const { offset } of messages) happened.push(`announced ${offset}`);
    };
    await Promise.all(
      range(1, 300).map(async () => {
        const { offset } = await scene.publish("hall");
        happened.push(`resolved ${offset}`);
      }),
    );
    for (const n of range(1, 300)) {
      const announced = happened.indexOf(`announced ${n}`);
      expect(announced).toBeGreaterThanOrEqual(0);
      expect(happened.indexOf(`resolved ${n}`)).toBeGreaterThan(announced);
    }
  });

  test("has stored what it announces: a read in the announcement finds it", async () => {
    await using scene = await Scene.open(open);
    await scene.listen("hall");
    const found: Promise<number[]>[] = [];
    const heads: Promise<number>[] = [];
    scene.onAnnounce = (messages) => {
      const newest = messages.at(-1)?.offset ?? 0;
      found.push(scene.offsets("hall", newest - 1, 1));
      heads.push(scene.broker.head("hall").then(({ last }) => last));
    };
    await scene.publishMany("hall", 50);
    await scene.publishMany("hall", 50);
    const newest = scene.batches.map((batch) => batch.at(-1)?.offset ?? 0);
    expect(await Promise.all(found)).toEqual(newest.map((offset) => [offset]));
    expect(await Promise.all(heads)).toEqual(newest);
  });

  test("announces what one turn of the event loop brought in one call, if it gathers", async () => {
    await using scene = await Scene.open(open);
    await scene.listen(...range(0, 6).map((n) => `room-${n}`));
    await Promise.all(range(1, 200).map((n) => scene.publish(`room-${n % 7}`)));
    const expected = gathers ? [200] : range(1, 200).map(() => 1);
    expect(scene.batches.map((batch) => batch.length)).toEqual(expected);
  });

  test("takes a publish that is made while it announces", async () => {
    await using scene = await Scene.open(open);
    await scene.listen("hall");
    const { promise, resolve } = Promise.withResolvers<number>();
    scene.onAnnounce = (messages) => {
      if (messages.some(({ id }) => id === "question")) {
        scene.publish("hall", { id: "answer" }).then(({ offset }) => resolve(offset));
      }
    };
    await scene.publish("hall", { id: "question" });
    expect(await promise).toBe(2);
  });
}

function describeDuplicates(open: OpenBroker): void {
  test("answers a second publish of an id with the first one's place and keeps the first", async () => {
    await using scene = await Scene.open(open);
    await scene.listen("hall");
    await scene.publish("hall");
    const first = await scene.publish("hall", { id: "same", body: json("first") });
    const second = await scene.publish("hall", { id: "same", body: json("second") });
    expect(second).toEqual({ ...first, duplicate: true });
    expect(scene.announced).toHaveLength(2);
    expect((await scene.broker.read("hall", 1, 10, 1_000)).map(({ body }) => body)).toEqual([
      json("first"),
    ]);
    expect((await scene.publish("hall")).offset).toBe(3);
  });

  test("stores one of many publishes of an id at the same moment", async () => {
    await using scene = await Scene.open(open);
    await scene.listen("hall");
    const published = await Promise.all(
      range(1, 60).map((n) => scene.publish("hall", { id: `id-of-${n % 3}` })),
    );
    expect(published.filter(({ duplicate }) => !duplicate)).toHaveLength(3);
    expect(published.map(({ offset }) => offset)).toEqual(range(0, 59).map((n) => (n % 3) + 1));
    expect(scene.announced.map(({ offset }) => offset)).toEqual([1, 2, 3]);
  });

  test("takes the same id in another room", async () => {
    await using scene = await Scene.open(open);
    await scene.publish("hall", { id: "same" });
    expect(await scene.publish("yard", { id: "same" })).toMatchObject({
      offset: 1,
      duplicate: false,
    });
  });

  test("tells ids apart that differ only in what UTF-8 cannot hold, or in signs that end text", async () => {
    await using scene = await Scene.open(open);
    const ids = [
      "\ud800",
      "\udfff",
      "\ufffd",
      "a\u0000b",
      "a",
      "a\u0000",
      "",
      "A",
      "\ufeffa",
      " a",
    ];
    const published = await Promise.all(ids.map((id) => scene.publish("hall", { id })));
    expect(published.map(({ duplicate }) => duplicate)).toEqual(ids.map(() => false));
    expect((await scene.broker.read("hall", 0, 100, plentyOfBytes)).map(({ id }) => id)).toEqual(
      ids,
    );
    const again = await Promise.all(ids.map((id) => scene.publish("hall", { id })));
    expect(again.map(({ offset }) => offset)).toEqual(range(1, ids.length));
  });

  test("knows ids, numbering and epoch when opened again, where it can be", async () => {
    await using scene = await Scene.open(open);
    if (!scene.canReopen) return;
    const [first] = await Promise.all([
      scene.publish("hall", { id: "same" }),
      scene.publish("hall"),
    ]);
    await scene.reopen();
    expect(await scene.publish("hall", { id: "same" })).toEqual({ ...first, duplicate: true });
    expect(await scene.publish("hall")).toEqual({ ...first, offset: 3, duplicate: false });
  });
}

function describeClosing(open: OpenBroker): void {
  test("stores what was published before closing and refuses what comes after", async () => {
    await using scene = await Scene.open(open);
    await scene.listen("hall");
    const before = scene.publishMany("hall", 700);
    const closing = scene.broker.close();
    const after = codeOf(scene.publish("hall"));
    expect((await before).map(({ offset }) => offset)).toEqual(range(1, 700));
    expect(await after).toBe("unavailable");
    expect(scene.announced).toHaveLength(700);
    await closing;
    if (!scene.canReopen) return;
    await scene.reopen();
    expect(await scene.offsets("hall")).toEqual(range(1, 700));
  });

  test("can be closed twice and answers nothing afterwards", async () => {
    await using scene = await Scene.open(open);
    await scene.publish("hall");
    await Promise.all([scene.broker.close(), scene.broker.close()]);
    await scene.broker.close();
    const { broker } = scene;
    const asked = [
      broker.head("hall"),
      broker.read("hall", 0, 1, 1),
      broker.readBefore("hall", 9, 1, 1),
      broker.rooms("", 1),
      scene.publish("hall"),
    ];
    expect(await Promise.all(asked.map(codeOf))).toEqual(asked.map(() => "unavailable"));
  });
}

const plentyOfBytes = 1_000_000;

function place(published: { readonly epoch: string; readonly offset: number } | undefined) {
  return { epoch: published?.epoch, offset: published?.offset };
}
