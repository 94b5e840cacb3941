/** A reader's place in a room while it catches up, and the gaps it meets on the way. */

import type { GapFrame } from "../protocol/frame.ts";
import { formatPosition, type Since } from "../protocol/position.ts";

/** What a cursor needs to know of a room: the newest offset, and the life it belongs to. */
export interface Numbering {
  readonly name: string;
  readonly epoch: string;
  readonly last: number;
}

/** Stands just after message `offset`. A gap is found by the hole before the next message there is. */
export class Cursor {
  readonly #name: string;
  #epoch: string;
  #asked: string | null;
  #offset: number;
  #state: "lenient" | "exact" | "reset";

  /** Stands where `since` says; at the very start if that is of another life, or ahead of the room. */
  constructor({ name, epoch, last }: Numbering, since: Since) {
    this.#name = name;
    this.#epoch = epoch;
    if (since === "end" || since === "start") {
      this.#asked = null;
      this.#offset = since === "end" ? last : 0;
      this.#state = "lenient"; // "start" means the oldest kept: what is before it is not missed
      return;
    }
    const isKnown = since.epoch === epoch && since.offset <= last;
    this.#asked = formatPosition(since.epoch, since.offset);
    this.#offset = isKnown ? since.offset : 0;
    this.#state = isKnown ? "exact" : "reset";
  }

  /** The offset of the message it stands after. */
  get offset(): number {
    return this.#offset;
  }

  get position(): string {
    return formatPosition(this.#epoch, this.#offset);
  }

  /** Stands at the very start when the room's numbering has become another since. */
  follow({ epoch }: Numbering): void {
    if (epoch === this.#epoch) return;
    if (this.#state !== "reset") this.#asked = this.position;
    this.#epoch = epoch;
    this.#offset = 0;
    this.#state = "reset";
  }

  /** Moves to just before `next`, the next message there is; returns what was missed on the way. */
  skipTo(next: number): GapFrame | undefined {
    const state = this.#state;
    this.#state = "exact";
    const isHole = next - 1 > this.#offset;
    if (state === "exact" && !isHole) return undefined;
    const from = state === "reset" ? this.#asked : this.position;
    if (isHole) this.#offset = next - 1;
    if (state === "lenient") return undefined;
    const reason = state === "reset" ? "reset" : "trimmed";
    return { type: "gap", room: this.#name, reason, from, to: this.position };
  }

  /** Moves past a message that was handed on. */
  pass(offset: number): void {
    this.#offset = offset;
  }
}
