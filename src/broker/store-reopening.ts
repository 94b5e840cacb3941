/** Whether a store that was opened again, after its disk failed, still holds what it must. */

import type { Message } from "../hub/message.ts";
import { StoreFault } from "./store-fault.ts";
import type { StoreFile } from "./store-file.ts";
import { markForRenewal } from "./store-life.ts";
import { StoreLog } from "./store-log.ts";

/** What is known of a store from before. */
export interface StoreTrail {
  readonly epoch: string;
  /** The newest message that was acknowledged, if there was one. */
  readonly newest: Pick<Message, "room" | "offset"> | undefined;
  /** The rooms of a transaction that failed, and the newest offset of each before it. */
  readonly unsure: ReadonlyMap<string, number>;
}

/** More than one transaction holds. */
const messagesMax = 1_000;

/**
 * Compares an open store with what is known. Commits are lost from the end only, so if the newest
 * acknowledged message is there, all are. Returns messages of a transaction that was reported as
 * failed and is there all the same: whoever reads live must hear of them, or the next message would
 * follow a hole.
 *
 * @throws StoreFault of kind `final` when it is another store, or messages were lost; it would give
 * out again positions that readers have, so its epoch changes with the next start
 */
export function verifyReopened(file: StoreFile, trail: StoreTrail): readonly Message[] {
  const { epoch, newest, unsure } = trail;
  if (file.epoch !== epoch) throw new StoreFault("final", replaced);
  const log = new StoreLog(file.database, epoch);
  if (newest !== undefined && log.head(newest.room).last < newest.offset) {
    markForRenewal(file.database, "messages were lost");
    throw new StoreFault("final", lost);
  }
  return [...unsure].flatMap(([room, last]) =>
    log.read(room, last, messagesMax, Number.POSITIVE_INFINITY),
  );
}

const replaced = "Another store lies in the place of this one; a restart takes it.";
const lost = "The disk lost messages that were stored; a restart goes on with what is left.";
