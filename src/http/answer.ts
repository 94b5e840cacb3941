/** What WebSocket requests that change nothing are answered with. */

import type { Roster } from "../hub/attendance.ts";
import { encodePast, readBefore } from "../hub/history.ts";
import type { Hub } from "../hub/hub.ts";
import { toJson } from "../hub/message.ts";
import { type ClientFrame, encodeFrame, type Ref } from "../protocol/frame.ts";
import { assertMay, type Identity } from "./guard.ts";

/**
 * Answers `members`: at once, unless the room is not open here and other nodes must be asked.
 * @throws forbidden when the grant does not cover it
 */
export function answerMembers(
  hub: Hub,
  identity: Identity,
  { ref, room: name }: ClientFrame & { type: "members" },
): string | Promise<string> {
  const room = assertMay(identity, "presence", name);
  const answer = (roster: Roster) => encodeFrame({ type: "members", ref, room, ...roster });
  const roster = hub.attendance.of(room);
  return roster instanceof Promise ? roster.then(answer) : answer(roster);
}

/**
 * Answers `history`.
 * @throws forbidden when the grant does not cover it
 * @throws unavailable when the log does not answer
 */
export async function answerHistory(
  hub: Hub,
  identity: Identity,
  { ref, room, before, limit }: ClientFrame & { type: "history" },
): Promise<string> {
  assertMay(identity, "read", room);
  const { messages, more } = await readBefore(hub.logOf(room), room, before, limit);
  return encodePast({ room, messages, more }, { type: "history", ref });
}

/**
 * Answers `echo` and `ping`.
 * @throws bad_frame when the data nests too deeply
 */
export function answerData(type: "echo" | "pong", ref: Ref, data: unknown): string {
  const head = JSON.stringify({ type, ref }).slice(0, -1);
  return `${head},"data":${toJson("data", data ?? null)}}`;
}
