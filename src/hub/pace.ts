/** How often something happens of late, in two numbers. */

/** Milliseconds after which what happened counts for a third of what it did. */
const fadeMs = 5_000;

/**
 * A rate that fades: an exponentially weighted count, brought up to date when something happens. A
 * clock that was set back is taken to stand still.
 */
export class Pace {
  #weight = 0;
  #at = 0;

  /** Counts one more at a time in milliseconds. */
  add(at: number): void {
    this.#weight = this.#weightAt(at) + 1;
    this.#at = Math.max(this.#at, at);
  }

  /** How many a second there are. */
  perSecondAt(now: number): number {
    return (this.#weightAt(now) * 1_000) / fadeMs;
  }

  #weightAt(now: number): number {
    const elapsedMs = now - this.#at;
    return elapsedMs <= 0 ? this.#weight : this.#weight * Math.exp(-elapsedMs / fadeMs);
  }
}
