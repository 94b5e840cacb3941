/** How long this process ran, for bounds on what it does: a machine that does other things is not its fault. */

const tickMs = 10;
/** What a tick that comes late counts at most. */
const tickMsMax = 2 * tickMs;

/** Counts from its making on, until the end of its `using` block. */
export class RunningTime implements Disposable {
  readonly #timer: Timer;
  #lastAt = performance.now();
  /** Milliseconds in which this process ran. */
  ms = 0;

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.ms += Math.min(now - this.#lastAt, tickMsMax);
      this.#lastAt = now;
    }, tickMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
