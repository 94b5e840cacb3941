/** What a room may be called. */

import { PartylineError } from "./errors.ts";
import { limits } from "./limits.ts";

/** The rooms the server keeps for itself; everybody may read them, nobody else may write. */
export const systemRooms: readonly string[] = ["$clock", "$server"];
const pattern = new RegExp(`^[A-Za-z0-9_.:~-]{1,${limits.roomNameLengthMax}}$`);

const prefixPattern = new RegExp(`^\\$?[A-Za-z0-9_.:~-]{0,${limits.roomNameLengthMax}}\\*$`);

/** Tells whether a text is a room's name, or the beginning of names and `*`. */
export function isRoomPattern(text: string): boolean {
  return prefixPattern.test(text) || pattern.test(text) || systemRooms.includes(text);
}

/** True for names the server keeps for itself: `$clock`, `$server`. */
export function isSystemRoom(room: string): boolean {
  return room.charCodeAt(0) === 0x24;
}

/**
 * Returns the name if it is a valid one.
 * @throws invalid_room when it has other signs than `A-Z a-z 0-9 _ . : ~ -`, or too many, and is not
 *   one of the server's own
 */
export function assertRoomName(room: unknown): string {
  const isName = typeof room === "string" && (pattern.test(room) || systemRooms.includes(room));
  if (isName && room.length <= limits.roomNameLengthMax) return room;
  throw new PartylineError(
    "invalid_room",
    `A room's name is 1 to ${limits.roomNameLengthMax} of the signs A-Z a-z 0-9 _ . : ~ -`,
  );
}
