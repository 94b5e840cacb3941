/** Whether this process could run all the time: what was measured while it could not tells nothing. */

const beatMs = 10;
const triesMax = 8;

/** Notes the longest time for which nothing of this process ran, until the end of a `using` block. */
class StallWatch implements Disposable {
  readonly #timer: Timer;
  #beatAt = performance.now();
  #longestMs = 0;

  constructor() {
    this.#timer = setInterval(() => this.#beat(), beatMs);
  }

  get longestMs(): number {
    this.#beat();
    return this.#longestMs;
  }

  #beat(): void {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#beatAt - beatMs);
    this.#beatAt = now;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * Measures something in this process. A measurement during which the machine did not let this process
 * run for `stallMsMax` milliseconds or more is none, and is made again, whatever it showed.
 */
export async function undisturbed<Value>(
  stallMsMax: number,
  measure: () => Promise<Value>,
): Promise<Value> {
  for (let tries = 1; ; tries += 1) {
    using watch = new StallWatch();
    const measured = await measure();
    if (watch.longestMs < stallMsMax || tries === triesMax) return measured;
  }
}
