/** The newest messages of a room, encoded, so that a join needs no wait. */

import { limits } from "../protocol/limits.ts";
import type { Entry } from "./entry.ts";

/** Bounded in messages and in bytes; what is older is in the log. */
export class Tail {
  #entries: Entry[] = [];
  #bytes = 0;

  /** The offset of the oldest message; null when there is none. */
  get first(): number | null {
    return this.#entries[0]?.message.offset ?? null;
  }

  /** The messages past `offset`, which must not be below the one before the first. */
  after(offset: number): readonly Entry[] {
    const { first } = this;
    return first === null ? [] : this.#entries.slice(offset - first + 1);
  }

  /** Adds the message after the newest one. */
  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.text.length;
    // Trimmed by halves, so that a busy room does not move its tail for each message.
    const isLong = this.#entries.length > 2 * limits.tailMessagesMax;
    if (!isLong && this.#bytes <= 2 * limits.tailBytesMax) return;
    let kept = 0;
    let bytes = 0;
    for (let index = this.#entries.length - 1; index >= 0; index -= 1) {
      bytes += this.#entries[index]?.text.length ?? 0;
      if (kept === limits.tailMessagesMax || (kept > 0 && bytes > limits.tailBytesMax)) break;
      this.#bytes = bytes;
      kept += 1;
    }
    this.#entries = this.#entries.slice(-kept);
  }
}
