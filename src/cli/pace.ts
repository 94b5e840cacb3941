/** Sending no faster than a server takes it, so that it need not refuse anything. */

/** The part of its limits that is used: clocks differ, and others may act for the same user. */
const partUsed = 0.95;
const burstPartUsed = 0.5;
/** Shorter waits are gathered: timers are not exact. */
const waitMinMs = 5;

/** A steady pace, with a burst at first. */
export class Pace {
  readonly #now: () => number;
  readonly #sleep: (ms: number) => Promise<void>;
  #intervalMs = 0;
  #burstMs = 0;
  #paidUntil = Number.NEGATIVE_INFINITY;

  /** `now` is milliseconds of a steady clock. */
  constructor(now: () => number, sleep: (ms: number) => Promise<void>) {
    this.#now = now;
    this.#sleep = sleep;
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
    if (waitMs > waitMinMs) await this.#sleep(waitMs);
  }
}
