/** What the server refused, and which part of the page has to know. */

import type { Access } from "./access.ts";
import type { Room } from "./room.ts";
import type { Reply } from "./wire.ts";

/** The part of the session that refusals change. */
export interface Refused {
  readonly rooms: ReadonlyMap<string, Room>;
  readonly access: Access;
  limitedUntil: number;
  notice: string | undefined;
}

/** Takes an `error` frame: it is about a room, a message, the token, the pace, or nothing of these. */
export function takeRefusal(page: Refused, frame: Reply<"error">): void {
  const { ref, code, message, retryAfterMs } = frame;
  const [, asked, name] = /^(join|signal) (.*)$/.exec(String(ref)) ?? [];
  const room = name === undefined ? roomOfOutgoing(page, ref) : page.rooms.get(name);
  if (asked === "join") {
    if (room !== undefined) room.failure = message;
    if (code === "unauthenticated") page.access.need(message);
  } else if (ref === "auth") page.access.complaint = message;
  else if (room !== undefined && (code === "unauthenticated" || code === "forbidden")) {
    room.writeRefusal = code;
  } else if (code === "rate_limited") page.limitedUntil = Date.now() + (retryAfterMs ?? 0);
  else if (ref === undefined && code !== "unauthenticated") page.notice = message;
}

function roomOfOutgoing({ rooms }: Refused, ref: unknown): Room | undefined {
  for (const room of rooms.values()) {
    if (room.log.outgoing.some(({ id }) => id === ref)) return room;
  }
  return undefined;
}
