/** Joining without a hole: pages from the log, then the tail and the live messages in one stretch. */

import type { GapFrame } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import type { Since } from "../protocol/position.ts";
import { Cursor } from "./cursor.ts";
import type { Broker } from "./ports.ts";
import { type Entry, type Room, toEntry } from "./room.ts";

/** Somebody who wants a room's messages from a position on. */
export interface Reader {
  /** True when nothing more is to be sent to it. */
  readonly isClosed: boolean;
  /** Called once, before anything else: it stands after `offset`, and missed what `gap` says. */
  stand(room: Room, offset: number, gap: GapFrame | undefined): void;
  /** Called when messages were forgotten while it caught up. It now stands after `offset`. */
  tellGap(room: Room, offset: number, gap: GapFrame): void;
  /** Takes messages, in order. */
  send(room: Room, entries: readonly Entry[]): void;
  /** Undefined when it can take more at once; else settles when it can, or when it is closed. */
  ready(): Promise<void> | undefined;
  /** Begins to take live messages: all that the room delivers from now on. */
  goLive(room: Room): void;
}

/**
 * Brings a reader from a position to the live end of a room. Resolves when it is live or closed.
 * Between the last message sent and `goLive` there is no `await`: that is what leaves no hole.
 * @throws unavailable when the log does not answer
 */
export async function catchUp(
  room: Room,
  log: Broker,
  since: Since,
  reader: Reader,
): Promise<void> {
  const cursor = new Cursor(room, since);
  let stands = false;
  const skipTo = (next: number) => {
    const gap = cursor.skipTo(next);
    if (!stands) reader.stand(room, cursor.offset, gap);
    else if (gap !== undefined) reader.tellGap(room, cursor.offset, gap);
    stands = true;
  };
  while (!reader.isClosed) {
    if (cursor.offset >= room.tailStart) {
      skipTo(cursor.offset + 1);
      reader.send(room, room.entriesAfter(cursor.offset));
      reader.goLive(room);
      return;
    }
    const { catchUpMessagesMax, catchUpBytesMax } = limits;
    const page = await log.read(room.name, cursor.offset, catchUpMessagesMax, catchUpBytesMax);
    if (reader.isClosed) return;
    // An empty page below the tail means that all of it was forgotten.
    const first = page[0]?.offset ?? room.tailStart + 1;
    skipTo(first);
    reader.send(room, page.map(toEntry));
    cursor.pass(page.at(-1)?.offset ?? cursor.offset);
    await reader.ready();
  }
}
