import { describe, expect, test } from "bun:test";
import type { Observer } from "../../src/hub/room.ts";
import { limits } from "../../src/protocol/limits.ts";
import { createMessage, createRoom } from "../support/quiet-room.ts";

const { tailMessagesMax, tailBytesMax } = limits;

/** An observer that notes the offsets it is handed, one list for each time. */
function createObserver() {
  const seen: (number[] | string)[] = [];
  const buffers: Uint8Array[] = [];
  const observer: Observer = {
    observe(_room, entries, shared) {
      seen.push(entries.map(({ message }) => message.offset));
      buffers.push(shared());
    },
    hear: (_room, { name }) => seen.push(name),
    tellGap: (_room, offset, { reason, from, to }) =>
      seen.push(`${reason} ${from} ${to} ${offset}`),
  };
  return { seen, buffers, observer };
}

describe("a room's tail", () => {
  test("has every message after its start, and no hole", () => {
    const room = createRoom();
    for (let offset = 1; offset <= 1_000; offset += 1) {
      room.deliver(createMessage(offset));
      const kept = room.entriesAfter(room.tailStart).map(({ message }) => message.offset);
      expect(kept[0]).toBe(room.tailStart + 1);
      expect(kept.at(-1)).toBe(offset);
      expect(kept).toHaveLength(offset - room.tailStart);
      expect(kept.length).toBeLessThanOrEqual(2 * tailMessagesMax);
      expect(kept.length).toBeGreaterThanOrEqual(Math.min(offset, tailMessagesMax));
    }
    expect(room.entriesAfter(1_000)).toEqual([]);
    expect(room.entriesAfter(999)).toHaveLength(1);
  });

  test("is bounded in bytes, and keeps the newest message however long it is", () => {
    const room = createRoom();
    for (let offset = 1; offset <= 50; offset += 1) {
      room.deliver(createMessage(offset, 50_000));
      const bytes = room.entriesAfter(room.tailStart).reduce((sum, it) => sum + it.text.length, 0);
      expect(bytes).toBeLessThanOrEqual(2 * tailBytesMax);
    }
    room.deliver(createMessage(51, 5 * tailBytesMax));
    expect(room.tailStart).toBe(50);
    room.deliver(createMessage(52));
    expect(room.entriesAfter(51)).toHaveLength(1);
    expect(room.tailStart).toBe(51);
  });

  test("of a room nobody wrote to starts at its end", () => {
    const room = createRoom("hall", {}, 7);
    expect([room.tailStart, room.entriesAfter(7)]).toEqual([7, []]);
  });
});

describe("a room", () => {
  test("delivers to each topic only while somebody reads it, binary where there are bytes", () => {
    const sent: [string, string][] = [];
    const room = createRoom("hall", {
      fanout: { publish: (topic, frame) => sent.push([topic, typeof frame]) },
    });
    room.deliver(createMessage(1));
    expect(sent).toEqual([]);
    room.readers = 1;
    room.binaryReaders = 2;
    expect(room.deliver(createMessage(2))).toBe(3);
    const bytes = { kind: "bytes", bytes: new Uint8Array([1]) } as const;
    room.deliver({ ...createMessage(3), body: bytes });
    expect(sent).toEqual([
      ["jhall", "string"],
      ["bhall", "string"],
      ["jhall", "string"],
      ["bhall", "object"],
    ]);
  });

  test("ignores a message that the log has told of already", () => {
    const room = createRoom("hall", {}, 5);
    expect(room.deliver(createMessage(5))).toBe(0);
    expect([room.last, room.tailStart]).toEqual([5, 5]);
    room.deliver(createMessage(6));
    expect([room.last, room.tailStart]).toEqual([6, 5]);
  });

  test("hands what one turn brought to all observers as one buffer", () => {
    const room = createRoom();
    const [one, two] = [createObserver(), createObserver()];
    room.observe(one.observer);
    room.observe(two.observer);
    room.deliver(createMessage(1));
    room.deliver(createMessage(2));
    expect(room.isUnobserved).toBe(true);
    room.flush();
    room.flush();
    expect(one.seen).toEqual([[1, 2]]);
    expect(two.seen).toEqual([[1, 2]]);
    expect(one.buffers[0]).toBe(two.buffers[0] as Uint8Array);
  });

  test("hands a new observer nothing that came before", () => {
    const room = createRoom();
    const [one, two] = [createObserver(), createObserver()];
    room.observe(one.observer);
    room.deliver(createMessage(1));
    room.observe(two.observer);
    room.deliver(createMessage(2));
    room.unobserve(one.observer);
    room.flush();
    expect([one.seen, two.seen]).toEqual([[[1]], [[2]]]);
  });

  test("lets no event overtake the messages before it", () => {
    const room = createRoom();
    const { seen, observer } = createObserver();
    room.observe(observer);
    room.deliver(createMessage(1));
    room.tell({ name: "signal", json: "{}", binary: null });
    room.deliver(createMessage(2));
    room.flush();
    expect(seen).toEqual([[1], "signal", [2]]);
  });

  test("is let go when its last use ends and nobody is a member", () => {
    let deserted = 0;
    const room = createRoom("hall", { onDeserted: () => (deserted += 1) });
    room.uses = 2;
    room.presence.add({ id: "ada", name: "Ada" });
    room.release();
    room.release();
    expect(deserted).toBe(0);
    room.presence.remove("ada");
    expect(deserted).toBe(1);
  });
});

describe("a room that goes on elsewhere", () => {
  test("tells whoever reads live what they have missed, and keeps nothing of before", () => {
    const room = createRoom();
    const { seen, observer } = createObserver();
    room.observe(observer);
    room.deliver(createMessage(1));
    room.deliver(createMessage(2));
    room.move({ epoch: "e", offset: 2 }); // where it is already: nothing is missed
    room.move({ epoch: "e", offset: 9 });
    expect(room.tailStart).toBe(9);
    room.move({ epoch: "f", offset: 0 });
    expect(seen).toEqual([[1, 2], "trimmed e:2 e:9 9", "reset e:9 f:0 0"]);
    expect([room.epoch, room.last, room.tailStart]).toEqual(["f", 0, 0]);
  });
});
