/** Joining without a hole: pages from the log, then the tail and the live messages in one stretch. */

import type { GapFrame } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import type { Since } from "../protocol/position.ts";
import { Cursor } from "./cursor.ts";
import { type Entry, toEntry } from "./entry.ts";
import type { Broker } from "./ports.ts";
import type { Room } from "./room.ts";

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
  /** Resolves when it can take a page more, or is closed, to what must be called once it has it. */
  turn(): Promise<() => void>;
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
  // It read on another node, which is ahead: what it has read comes here in a moment, too.
  if (isAhead(room, since)) await log.listen(room.name);
  const cursor = new Cursor(room, since);
  let stands = false;
  const { catchUpMessagesMax, catchUpBytesMax } = limits;
  const skipTo = (next: number) => {
    const gap = cursor.skipTo(next);
    if (!stands) reader.stand(room, cursor.offset, gap);
    else if (gap !== undefined) reader.tellGap(room, cursor.offset, gap);
    stands = true;
  };
  const goLive = () => {
    skipTo(cursor.offset + 1);
    reader.send(room, room.entriesAfter(cursor.offset));
    reader.goLive(room);
  };
  if (reader.isClosed) return;
  if (cursor.offset === room.last) return goLive(); // whoever missed nothing waits for nobody
  while (!reader.isClosed) {
    const endTurn = await reader.turn();
    try {
      if (reader.isClosed) return;
      cursor.follow(room);
      const { tailStart, epoch } = room;
      if (cursor.offset >= tailStart) return goLive();
      const read = await log.read(room.name, cursor.offset, catchUpMessagesMax, catchUpBytesMax);
      if (reader.isClosed) return;
      if (room.epoch !== epoch) continue;
      // A log may hold what it has not announced yet: that comes live, or from the tail.
      const page = read.filter(({ offset }) => offset <= room.last);
      // An empty page means that all that was below the tail is forgotten.
      skipTo(page[0]?.offset ?? tailStart + 1);
      reader.send(room, page.map(toEntry));
      cursor.pass(page.at(-1)?.offset ?? cursor.offset);
    } finally {
      endTurn();
    }
  }
}

function isAhead({ epoch, last }: Room, since: Since): boolean {
  return typeof since === "object" && (since.epoch !== epoch || since.offset > last);
}
