/** Rooms without a server behind them. */

import { createHubCounts } from "../../src/hub/counts.ts";
import type { Message } from "../../src/hub/message.ts";
import { Room, type RoomSurroundings } from "../../src/hub/room.ts";
import { encodeStream } from "../../src/hub/subscription.ts";
import { ManualClock } from "./manual-clock.ts";

/** Makes a room whose frames go nowhere, unless `changes` say where. Its log is at `last`. */
export function createRoom(name = "hall", changes: Partial<RoomSurroundings> = {}, last = 0): Room {
  const surroundings = {
    clock: new ManualClock(),
    fanout: { publish() {} },
    counts: createHubCounts(),
    encodeStream,
    isLatestOnly: () => false,
    peers: null,
    onDeserted() {},
    ...changes,
  };
  const room = new Room(name, surroundings);
  room.number("e", last);
  return room;
}

/** Makes a message of a length: `contentLength` is that of its JSON. */
export function createMessage(offset: number, contentLength = 3, room = "hall"): Message {
  const body = { kind: "json", json: `"${"x".repeat(contentLength - 2)}"` } as const;
  const from = { id: "ada", name: "Ada" };
  return { room, id: `m${offset}`, from, at: 1_763_690_000_123, body, epoch: "e", offset };
}
