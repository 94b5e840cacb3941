/** Which WebSockets Bun cut because they did not read. It does not tell them from others. */

/** Milliseconds after which a turn of the event loop is over, unless it holds up this timer, too. */
const turnMs = 50;

/**
 * Bun 1.4.5 answers a publish with 0 when it did not fit the queue of one subscriber at least, and closes
 * each such socket with 1006 at the end of that turn of the event loop. A client that breaks off in the
 * same moment is taken for one of them.
 */
export class Overflow {
  #isFresh = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Takes what Bun said of a publish to a topic with subscribers; undefined where nobody listens. */
  note(sent: number | undefined): void {
    if (sent !== 0) return;
    this.#isFresh = true;
    this.#timer ??= this.#watch();
  }

  /** True while sockets that did not fit may still be closed. */
  get isRecent(): boolean {
    return this.#timer !== undefined;
  }

  /** No time is long enough for a turn with many readers: two timers in a row are never of one turn. */
  #watch(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.#timer = this.#isFresh ? this.#watch() : undefined;
      this.#isFresh = false;
    }, turnMs);
    timer.unref();
    return timer;
  }
}
