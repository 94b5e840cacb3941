/** Publishes under way: how many bytes of them there may be, and how long they wait for the store. */

import { PartylineError } from "../protocol/errors.ts";

const retryAfterMs = 1_000;
const freeBytes = 16_384;

/** One publish that waits for the store. */
interface Waiting {
  readonly at: number;
  readonly bytes: number;
}

/** Whatever takes bytes gives them back. */
export class PublishBudget {
  readonly bytesMax: number;
  readonly #now: () => number;
  /** In the order in which they began to wait. */
  readonly #waiting = new Set<Waiting>();
  #bytes = 0;

  /** `now` is milliseconds of a clock that never goes back. */
  constructor(bytesMax: number, now: () => number) {
    this.bytesMax = bytesMax;
    this.#now = now;
  }

  /** Bytes that were taken and not given back. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Milliseconds that the oldest has waited for the store; 0 where none waits. */
  get waitMs(): number {
    for (const { at } of this.#waiting) return this.#now() - at;
    return 0;
  }

  /** @throws unavailable when there are too many bytes under way; none are taken then */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.bytesMax) {
      const text = "Too much is being published at this moment.";
      throw new PartylineError("unavailable", text, retryAfterMs, "publish-bytes");
    }
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }

  /**
   * Takes bytes as they arrive, and gives all of them back at the end of a `using` block. The first
   * 16 KiB are free: whoever sends much and slowly keeps nobody out who sends little.
   */
  hold(): Disposable & { take(bytes: number): void } {
    let arrived = 0;
    let held = 0;
    return {
      take: (bytes) => {
        arrived += bytes;
        const due = Math.max(0, arrived - freeBytes) - held;
        this.take(due);
        held += due;
      },
      [Symbol.dispose]: () => this.give(held),
    };
  }

  /** Takes bytes and times how long they wait. @throws unavailable as {@link take} */
  begin(bytes: number): Waiting {
    this.take(bytes);
    const waiting = { at: this.#now(), bytes };
    this.#waiting.add(waiting);
    return waiting;
  }

  /** The store has answered. */
  end(waiting: Waiting): void {
    if (this.#waiting.delete(waiting)) this.give(waiting.bytes);
  }
}
