/** Sending no faster than a server takes it, so that it need not refuse anything. */

import { toVisible } from "./visible-text.ts";

/** The part of its limits that is used: clocks differ, and others may act for the same user. */
const partUsed = 0.95;
const burstPartUsed = 0.5;
/** Shorter waits are gathered: timers are not exact. */
const waitMinMs = 5;
/** Who was held up for so long wonders why. */
const heldMsMin = 1_000;

/** A steady pace, with a burst at first. */
export class Pace {
  readonly #now: () => number;
  readonly #sleep: (ms: number) => Promise<void>;
  readonly #onHeld: () => void;
  #heldMs = 0;
  #intervalMs = 0;
  #burstMs = 0;
  #paidUntil = Number.NEGATIVE_INFINITY;

  /** `now` is milliseconds of a steady clock; `onHeld` is called at waits that add up to a second. */
  constructor(now: () => number, sleep: (ms: number) => Promise<void>, onHeld: () => void) {
    this.#now = now;
    this.#sleep = sleep;
    this.#onHeld = onHeld;
  }

  /** Follows the limits that a server tells; 0 a second, or undefined, means none. */
  follow(perSecond: number | undefined, burst: number | undefined): void {
    this.#intervalMs = perSecond ? 1_000 / (perSecond * partUsed) : 0;
    this.#burstMs = this.#intervalMs * (burst ?? 0) * burstPartUsed;
  }

  /** Resolves when one more may be sent. */
  async take(): Promise<void> {
    if (this.#intervalMs === 0) return;
    const now = this.#now();
    this.#paidUntil = Math.max(this.#paidUntil, now - this.#burstMs) + this.#intervalMs;
    const waitMs = this.#paidUntil - now;
    if (waitMs <= waitMinMs) return;
    this.#heldMs += waitMs;
    if (this.#heldMs >= heldMsMin) this.#onHeld();
    await this.#sleep(waitMs);
  }
}

/**
 * Makes what says, the first time it is called, that it is the server who bounds the pace: how many
 * messages a second it takes, or the sentence with which it refused one.
 */
export function createPaceNote(complain: (text: string) => void): (why: number | string) => void {
  let isTold = false;
  return (why) => {
    if (isTold) return;
    isTold = true;
    if (typeof why === "string") {
      complain(`The server bounds the pace, so this waits: ${toVisible(why)}\n`);
    } else {
      const count = why.toLocaleString("en");
      complain(`The server takes ${count} messages a second from one user, so this waits.\n`);
    }
  };
}
