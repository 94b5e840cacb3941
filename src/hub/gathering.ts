/** Comings and goings of one room, gathered for a moment so that one frame tells them all. */

import type { Member } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import type { Clock } from "./ports.ts";

/** Who joined and who left since the last frame. Nobody is in both. `close` may be called twice. */
export class Gathering {
  /** Ends it untold. */
  readonly close: () => void;
  readonly #joined = new Map<string, Member>();
  readonly #left = new Map<string, Member>();

  /** `onDue` is called with it once it is to be told, after `presenceGatherMs`. */
  constructor(clock: Clock, onDue: (gathering: Gathering) => void) {
    this.close = clock.after(limits.presenceGatherMs, () => onDue(this));
  }

  get joined(): readonly Member[] {
    return [...this.#joined.values()];
  }

  get left(): readonly Member[] {
    return [...this.#left.values()];
  }

  /** Takes down that somebody joined, or has another name. */
  noteJoined(member: Member): void {
    this.#left.delete(member.id);
    this.#joined.set(member.id, member);
  }

  /**
   * Takes down that somebody left. It is told even of whoever came and went within one gathering:
   * somebody who joined in between has read of them in the list of members.
   */
  noteLeft(member: Member): void {
    this.#joined.delete(member.id);
    this.#left.set(member.id, member);
  }
}
