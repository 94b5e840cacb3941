import { expect, test } from "bun:test";
import { findBusyRooms } from "../../src/http/busy-rooms.ts";
import type { Room } from "../../src/hub/room.ts";
import { createMessage, createRoom } from "../support/quiet-room.ts";

const now = createMessage(1).at;

/** A room with so many messages just now, and so many streams. */
function create(name: string, messages: number, observers: number): Room {
  const room = createRoom(name);
  for (let offset = 1; offset <= messages; offset += 1)
    room.deliver(createMessage(offset, 3, name));
  room.countStreams(observers);
  return room;
}

function find(rooms: readonly Room[]) {
  return findBusyRooms(new Map(rooms.map((room) => [room.name, room])), now);
}

test("rooms stand by messages a second, then by those who are there", () => {
  const found = find([
    ...[create("silent", 0, 0), create("full", 0, 9), create("slow", 5, 1)],
    ...[create("fast", 50, 0), create("watched", 5, 3)],
  ]);
  expect(found.map(({ room }) => room)).toEqual(["fast", "watched", "slow", "full", "silent"]);
  expect(found[0]).toEqual({
    ...{ room: "fast", members: 0, observers: 0 },
    ...{ messagesPerSecond: 10, lastActivityAt: now },
  });
  expect(found.at(-1)).toMatchObject({ messagesPerSecond: 0, lastActivityAt: null });
});

test("only the first 50 are named, out of however many", () => {
  const rooms = Array.from({ length: 500 }, (_, index) =>
    create(`r${index}`, 0, (index * 7) % 500),
  );
  const counts = find(rooms).map(({ observers }) => observers);
  expect(counts).toEqual(Array.from({ length: 50 }, (_, index) => 499 - index));
});
