import { expect, test } from "bun:test";
import { Arrears } from "../../src/hub/arrears.ts";
import type { Entry } from "../../src/hub/entry.ts";
import type { Room } from "../../src/hub/room.ts";
import type { GapFrame } from "../../src/protocol/frame.ts";
import { createMessage, createRoom } from "../support/quiet-room.ts";

/** Notes what a reader is told. */
class Notes {
  readonly told: string[] = [];

  tellGap(room: Room, offset: number, { reason, from, to }: GapFrame): void {
    this.told.push(`${room.name} gap ${reason} ${from} ${to} ${offset}`);
  }

  send(room: Room, entries: readonly Entry[]): void {
    for (const { message } of entries) this.told.push(`${room.name} ${message.offset}`);
  }
}

function deliver(room: Room, count: number): readonly Entry[] {
  for (let left = count; left > 0; left -= 1) {
    room.deliver(createMessage(room.last + 1, 3, room.name));
  }
  return room.entriesAfter(room.last - count);
}

test("whoever was left out gets one gap and the newest message of each room", () => {
  const arrears = new Arrears();
  const [a, b] = [createRoom("a"), createRoom("b")];
  deliver(a, 2);
  arrears.add(a, deliver(a, 1));
  arrears.add(a, deliver(a, 3));
  arrears.add(b, deliver(b, 1));
  expect([arrears.has(a), arrears.has(b), arrears.has(createRoom("c"))]).toEqual([
    true,
    true,
    false,
  ]);
  const notes = new Notes();
  arrears.settle(notes);
  expect(notes.told).toEqual(["a gap trimmed e:2 e:5 5", "a 6", "b 1"]);
  expect(arrears.has(a)).toBe(false);
  arrears.settle(notes);
  expect(notes.told).toHaveLength(3);
});

test("what the room is about to hand over is skipped as well, and nothing comes twice", () => {
  const arrears = new Arrears();
  const room = createRoom();
  const notes = new Notes();
  room.observe({
    observe: (_, entries) => {
      if (arrears.has(room)) arrears.add(room, entries);
      else notes.send(room, entries);
    },
    hear() {},
    tellGap() {},
  });
  arrears.add(room, deliver(room, 1));
  deliver(room, 2);
  arrears.settle(notes);
  deliver(room, 1);
  room.flush();
  expect(notes.told).toEqual(["hall gap trimmed e:0 e:2 2", "hall 3", "hall 4"]);
});

test("where the newest was forgotten there is only the gap", () => {
  const arrears = new Arrears();
  const room = createRoom();
  arrears.add(room, deliver(room, 3));
  room.forget();
  const notes = new Notes();
  arrears.settle(notes);
  expect(notes.told).toEqual(["hall gap trimmed e:0 e:3 3"]);
});
