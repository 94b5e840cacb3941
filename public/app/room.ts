/** One room as the page sees it: its log, who is there, who is writing. */

import type { Member } from "../../src/protocol/frame.ts";
import { isSystemRoom } from "../../src/protocol/room-name.ts";
import { RoomLog } from "./room-log.ts";
import type { HeardFrame, PresenceFrame, Reply, SignalFrame } from "./wire.ts";

/** Milliseconds for which a hint that somebody is writing holds. */
export const typingMs = 5_000;

/**
 * A room of the side bar. `failure` says in words why it could not be joined; `writeRefusal` is the
 * code with which the server refused what was written, undefined while it takes it.
 */
export interface Room {
  readonly name: string;
  readonly log: RoomLog;
  readonly members: Map<string, Member>;
  readonly typing: Map<string, { readonly name: string; readonly until: number }>;
  memberCount: number;
  observers: number;
  draft: string;
  isJoined: boolean;
  writeRefusal: "forbidden" | "unauthenticated" | undefined;
  isLoading: boolean;
  failure: string | undefined;
}

/** Makes a room that was not joined yet. `read` is the position up to which it was read, or null. */
export function createRoom(name: string, read: string | null): Room {
  return {
    name,
    log: new RoomLog(read),
    members: new Map(),
    typing: new Map(),
    memberCount: 0,
    observers: 0,
    draft: "",
    isJoined: false,
    writeRefusal: isSystemRoom(name) ? "forbidden" : undefined,
    isLoading: false,
    failure: undefined,
  };
}

/** Lets the user write, as far as is known. Nobody ever may into the server's own rooms. */
export function allowWriting(room: Room): void {
  if (!isSystemRoom(room.name)) room.writeRefusal = undefined;
}

/** Takes what the server says of the room itself; ignores what is not that. */
export function takeFrame(room: Room, frame: HeardFrame): void {
  switch (frame.type) {
    case "joined":
      return takeJoined(room, frame);
    case "left":
      room.isJoined = false;
      room.failure = "You may not read it any more.";
      return;
    case "ack":
      return allowWriting(room);
    case "gap":
      return room.log.miss(frame);
    case "presence":
      return takePresence(room, frame);
    case "members":
      return takeMembers(room, frame);
    default:
  }
}

function takeJoined(room: Room, frame: Reply<"joined">): void {
  room.isJoined = true;
  room.failure = undefined;
  room.typing.clear();
  takeMembers(room, frame);
  room.log.join(frame.position);
}

function takeMembers(room: Room, frame: Reply<"joined" | "members">): void {
  room.memberCount = frame.memberCount;
  room.observers = frame.observers;
  room.members.clear();
  for (const member of frame.members) room.members.set(member.id, member);
}

function takePresence(room: Room, { joined, left, members, observers }: PresenceFrame): void {
  for (const { id } of left ?? []) {
    room.members.delete(id);
    room.typing.delete(id);
  }
  for (const member of joined ?? []) room.members.set(member.id, member);
  room.memberCount = members;
  room.observers = observers ?? room.observers;
}

/** Takes a signal, if it is a hint that somebody is writing. Programs may send others. */
export function takeSignal(room: Room, { from, content }: SignalFrame): void {
  if (typeof content !== "object" || content === null || !("typing" in content)) return;
  if (content.typing === true) {
    room.typing.set(from.id, { name: from.name, until: Date.now() + typingMs });
  } else room.typing.delete(from.id);
}
