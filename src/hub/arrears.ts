/** Rooms of which only the newest message counts, and readers that are behind in them. */

import type { Reader } from "./catch-up.ts";
import { Cursor } from "./cursor.ts";
import type { Entry } from "./entry.ts";
import type { Room } from "./room.ts";

/** Where one reader stood in each room in which it has been left out since. */
export class Arrears {
  #offsets: Map<Room, number> | null = null;

  /** Tells whether it is behind in a room. */
  has(room: Room): boolean {
    return this.#offsets?.has(room) === true;
  }

  /** Leaves it out of some messages, and of all that follow until {@link settle}. */
  add(room: Room, entries: readonly Entry[]): void {
    const [first] = entries;
    if (first === undefined || this.has(room)) return;
    this.#offsets ??= new Map(); // most readers are never behind
    this.#offsets.set(room, first.message.offset - 1);
  }

  /** Brings it to the newest message of each room: first the gap, then that message. */
  settle(reader: Pick<Reader, "send" | "tellGap">): void {
    const behind = this.#offsets;
    if (behind === null) return;
    // While it is still behind: what waits in the rooms to be handed over is skipped as well.
    for (const room of behind.keys()) room.flush();
    this.#offsets = null;
    for (const [room, offset] of behind) {
      const { epoch, last, tailStart } = room;
      const cursor = new Cursor(room, { epoch, offset });
      const gap = cursor.skipTo(tailStart < last ? last : last + 1); // or all is forgotten
      if (gap !== undefined) reader.tellGap(room, cursor.offset, gap);
      reader.send(room, room.entriesAfter(cursor.offset));
    }
  }
}
