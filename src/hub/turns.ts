/** One at a time: rooms that catch up on one connection share its queue. */

/**
 * Hands out turns in the order in which they were asked for. Without them fifty rooms that come back
 * at once would each add a page to a queue that has place for a few, and the reader would be cut
 * for being slow, again and again.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Resolves when the turns before have ended and `ready` has nothing left to wait for. `ready` is
   * undefined when more can be taken at once, else settles when to ask again. Whoever gets the turn
   * must call the function it resolves to.
   */
  async take(ready: () => Promise<void> | undefined): Promise<() => void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    for (let waiting = ready(); waiting !== undefined; waiting = ready()) await waiting;
    return resolve;
  }
}
