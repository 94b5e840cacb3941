/** One room as the page sees it: its log, who is there, who is writing. */

import type { Member } from "../../src/protocol/frame.ts";
import { isSystemRoom } from "../../src/protocol/room-name.ts";
import { RoomLog } from "./room-log.ts";
import type { PresenceFrame, Reply, SignalFrame } from "./wire.ts";

/** Milliseconds for which a hint that somebody is writing holds. */
export const typingMs = 5_000;

/** A room of the side bar. `failure` says in words why it could not be joined. */
export interface Room {
  readonly name: string;
  readonly log: RoomLog;
  readonly members: Map<string, Member>;
  readonly typing: Map<string, { readonly name: string; readonly until: number }>;
  memberCount: number;
  observers: number;
  draft: string;
  isJoined: boolean;
  isReadOnly: boolean;
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
    isReadOnly: isSystemRoom(name),
    isLoading: false,
    failure: undefined,
  };
}

/** Takes the answer to a join. */
export function takeJoined(room: Room, frame: Reply<"joined">): void {
  room.isJoined = true;
  room.failure = undefined;
  room.memberCount = frame.memberCount;
  room.observers = frame.observers;
  room.members.clear();
  room.typing.clear();
  for (const member of frame.members) room.members.set(member.id, member);
  room.log.join(frame.position);
}

/** Takes who came and who left. */
export function takePresence(
  room: Room,
  { joined, left, members, observers }: PresenceFrame,
): void {
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
