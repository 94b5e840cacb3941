/** What the server refused, and which part of the page has to know. */

import type { LineError } from "../../src/client/line-error.ts";
import type { Access } from "./access.ts";
import type { Room } from "./room.ts";

/** The part of the session that refusals change. */
export interface Refused {
  readonly access: Access;
  limitedUntil: number;
  notice: string | undefined;
}

/** Takes a refusal to let this user into a room, or to tell the others there what is not kept. */
export function takeRoomRefusal(page: Refused, room: Room, error: LineError): void {
  const { code, message } = error;
  if (!room.isJoined) {
    room.failure = message;
    if (code === "unauthenticated") page.access.need(message);
  } else if (!takeWriteRefusal(room, error)) takeRefusal(page, error);
}

/** Takes a refusal of what was written. Returns false if that has nothing to do with this user. */
export function takeWriteRefusal(room: Room | undefined, { code }: LineError): boolean {
  if (room === undefined) return false;
  if (code !== "unauthenticated" && code !== "forbidden") return false;
  room.writeRefusal = code;
  return true;
}

/** Takes a refusal that is about the pace, or nothing in particular. */
export function takeRefusal(page: Refused, { code, message, retryAfterMs }: LineError): void {
  if (code === "rate_limited") page.limitedUntil = Date.now() + (retryAfterMs ?? 0);
  // Of a token the line's own state tells.
  else if (code !== "unauthenticated") page.notice = message;
}
