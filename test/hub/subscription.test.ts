import { describe, expect, test } from "bun:test";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { Room } from "../../src/hub/room.ts";
import { encodeStream, Subscription } from "../../src/hub/subscription.ts";
import { limits } from "../../src/protocol/limits.ts";
import type { Position } from "../../src/protocol/position.ts";
import { createMessage, createRoom } from "../support/quiet-room.ts";

function subscribe(positions: Map<string, Position> | null = null, queueBytesMax = 10_000) {
  return new Subscription({ queueBytesMax, positions });
}

/** Reads a stream to its end. */
async function readAll(subscription: Subscription): Promise<EventSourceMessage[]> {
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  for await (const bytes of subscription.bytes()) parser.feed(new TextDecoder().decode(bytes));
  return events;
}

function entriesOf(room: Room, count: number, contentLength?: number) {
  for (let added = 0; added < count; added += 1) {
    room.deliver(createMessage(room.last + 1, contentLength, room.name));
  }
  return room.entriesAfter(room.last - count);
}

describe("a subscription", () => {
  test("yields what is pushed in order, and ends after what was queued", async () => {
    const subscription = subscribe();
    const room = createRoom();
    subscription.send(room, entriesOf(room, 2));
    subscription.hear(room, { name: "signal", json: '{"a":1}', binary: null });
    subscription.close();
    subscription.push(new Uint8Array([1]));
    const events = await readAll(subscription);
    expect(events.map(({ id, event }) => [id, event])).toEqual([
      ["e:1", undefined],
      ["e:2", undefined],
      [undefined, "signal"],
    ]);
    expect(JSON.parse(events[1]?.data ?? "")).toMatchObject({ position: "e:2", content: "x" });
  });

  test("ends at once when it is closed while it waits", async () => {
    const subscription = subscribe();
    let closes = 0;
    subscription.onClose = () => (closes += 1);
    const reading = readAll(subscription);
    await Bun.sleep(0);
    subscription.close();
    subscription.close();
    expect(await reading).toEqual([]);
    expect(closes).toBe(1);
  });

  test("is closed when its reader stops reading it", async () => {
    const subscription = subscribe();
    subscription.push(new Uint8Array(1));
    for await (const _ of subscription.bytes()) break;
    expect(subscription.isClosed).toBe(true);
  });

  test("writes to the sink while its client keeps up, and yields once it is behind", async () => {
    const subscription = subscribe();
    const written: number[] = [];
    let room = 2; // bytes that the client takes before it is behind
    const sink = {
      write([byte = 0]: Uint8Array) {
        written.push(byte);
        room -= 1;
        return room > 0 ? 1 : -1;
      },
    };
    const stream = subscription.bytes();
    const pushAll = (bytes: number[]) => {
      for (const byte of bytes) subscription.push(new Uint8Array([byte]));
    };
    pushAll([1, 2]);
    const yielded = [(await stream.next()).value, (await stream.next(sink)).value];
    pushAll([3]); // the second is not known to be taken yet: nothing may overtake it
    yielded.push((await stream.next(sink)).value);
    const next = stream.next(sink);
    pushAll([4, 5, 6, 7]);
    yielded.push((await next).value, (await stream.next(sink)).value);
    expect(written).toEqual([4, 5]);
    expect(yielded.map((bytes) => bytes?.[0])).toEqual([1, 2, 3, 6, 7]);
  });

  test("lets go of all its rooms when it is closed", () => {
    const deserted: string[] = [];
    const rooms = ["a", "b"].map((name) =>
      createRoom(name, { onDeserted: (room) => deserted.push(room.name) }),
    );
    const subscription = subscribe(new Map());
    for (const room of rooms) {
      subscription.enter(room);
      expect([room.uses, room.observerCount, room.catchingUp.size]).toEqual([1, 1, 1]);
    }
    if (rooms[0] !== undefined) subscription.goLive(rooms[0]);
    expect(rooms.map(({ catchingUp }) => catchingUp.size)).toEqual([0, 1]);
    subscription.close();
    expect(rooms.map(({ uses, observerCount }) => [uses, observerCount])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(rooms.map(({ catchingUp }) => catchingUp.size)).toEqual([0, 0]);
    expect(deserted).toEqual(["a", "b"]);
    expect(rooms[0]?.deliver(createMessage(1, 3, "a"))).toBe(0);
  });

  test("takes what fills its queue to the last byte, and is cut by one byte more", async () => {
    const exact = subscribe(null, 100);
    exact.push(new Uint8Array(60));
    exact.push(new Uint8Array(40));
    expect([exact.isClosed, exact.hasOverflowed]).toEqual([false, false]);
    exact.push(new Uint8Array(1));
    expect([exact.isClosed, exact.hasOverflowed]).toEqual([true, true]);
    let yielded = 0;
    for await (const bytes of exact.bytes()) yielded += bytes.length;
    expect(yielded).toBe(0);
  });

  test("counts what its reader has not taken yet against its bound", async () => {
    const subscription = subscribe(null, 100);
    for (let index = 0; index < 4; index += 1) subscription.push(new Uint8Array(25));
    const bytes = subscription.bytes();
    await bytes.next();
    await bytes.next(); // the first 25 are gone, the second are on their way
    subscription.push(new Uint8Array(25));
    expect(subscription.hasOverflowed).toBe(false);
    subscription.push(new Uint8Array(1));
    expect(subscription.hasOverflowed).toBe(true);
    // What was on its way is still whole: the beginning of what it missed.
    expect((await bytes.next()).value).toHaveLength(25);
    expect((await bytes.next()).value).toHaveLength(25);
    expect((await bytes.next()).done).toBe(true);
  });

  test("takes of a burst what may wait where only the newest message counts, and not all of it", () => {
    const room = createRoom("hall", { isLatestOnly: () => true });
    const subscription = subscribe(null, 1_000_000);
    const entries = entriesOf(room, 20, 20_000);
    subscription.observe(room, entries, () => encodeStream(entries));
    expect(subscription.messageCount).toBe(4);
    expect(subscription.queueBytes).toBeLessThan(limits.latestWaitBytesMax + 21_000);
  });

  test("tells where it stands by an id without an event, or by the gap", async () => {
    const subscription = subscribe();
    const room = createRoom();
    let text = "";
    subscription.stand(room, 7, undefined);
    const gap = { type: "gap", room: "hall", reason: "reset", from: "f:1", to: "e:9" } as const;
    subscription.stand(room, 9, gap);
    subscription.close();
    for await (const bytes of subscription.bytes()) text += new TextDecoder().decode(bytes);
    expect(text).toBe(`id: e:7\n\nevent: gap\nid: e:9\ndata: ${JSON.stringify(gap)}\n\n`);
  });
});

describe("a subscription of several rooms", () => {
  test("names a position in each room it knows of, in every id", async () => {
    const subscription = subscribe(new Map([["b", { epoch: "e", offset: 4 }]]), 100_000);
    const [a, b] = [createRoom("a"), createRoom("b")];
    subscription.send(a, entriesOf(a, 1));
    subscription.send(b, entriesOf(b, 5).slice(4));
    subscription.observe(a, entriesOf(a, 1), () => {
      throw new Error("its ids are its own: nothing can be shared");
    });
    subscription.close();
    const ids = (await readAll(subscription)).map(({ id }) => id);
    expect(ids).toEqual(["b@e:4,a@e:1", "b@e:5,a@e:1", "b@e:5,a@e:2"]);
  });

  test("gives its rooms their turns one after the other, and waits for its reader", async () => {
    const subscription = subscribe(new Map(), 4 * limits.catchUpBytesMax);
    const page = new Uint8Array(limits.catchUpBytesMax);
    let pages = 0;
    const catchUp = async () => {
      for (let left = 3; left > 0; left -= 1) {
        const endTurn = await subscription.turn();
        subscription.push(page);
        pages += 1;
        endTurn();
      }
    };
    const catchingUp = Promise.all(Array.from({ length: 20 }, catchUp));
    await Bun.sleep(0);
    expect(pages).toBe(2); // one fills it to the bound at which it waits, one passes it
    let yielded = 0;
    for await (const bytes of subscription.bytes()) {
      yielded += bytes.length;
      if (yielded === 60 * page.length) break;
    }
    await catchingUp;
    expect(subscription.hasOverflowed).toBe(false);
  });

  test("lets nobody wait for a turn once it is closed", async () => {
    const subscription = subscribe(new Map(), 4 * limits.catchUpBytesMax);
    subscription.push(new Uint8Array(2 * limits.catchUpBytesMax));
    const turns = [subscription.turn(), subscription.turn()];
    subscription.close();
    for (const turn of turns) (await turn)();
  });
});
