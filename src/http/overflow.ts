/** Which WebSockets Bun cut because they did not read. It does not tell them from others. */

/** Milliseconds from the publish that did not fit to the cut, at the end of the same turn. */
const turnMsMax = 50;

/**
 * Bun 1.4.5 answers a publish with 0 when it did not fit the queue of one subscriber at least, and closes
 * each such socket with 1006 at the end of that turn of the event loop. A client that breaks off in the
 * same moment is taken for one of them.
 */
export class Overflow {
  #at = Number.NEGATIVE_INFINITY;

  /** Takes what Bun said of a publish to a topic with subscribers; undefined where nobody listens. */
  note(sent: number | undefined): void {
    if (sent === 0) this.#at = performance.now();
  }

  /** True while sockets that did not fit may still be closed. */
  get isRecent(): boolean {
    return performance.now() - this.#at < turnMsMax;
  }
}
