/** What somebody may do, and where. */

import { isSystemRoom } from "../protocol/room-name.ts";

export type Action = "read" | "write" | "presence" | "upload" | "admin";

/** Answers for one identity; shared by all connections that may do the same. */
export interface Grant {
  may(action: Action, room: string): boolean;
}

/** Everybody may read every room, and write to every room but the server's own. */
export const openGrant: Grant = {
  may(action, room) {
    if (action === "admin") return false;
    return action === "read" || action === "presence" || !isSystemRoom(room);
  },
};
