/** Chance that can be repeated: the same seed gives the same numbers. */

/** Mulberry32, a generator of 32 bits (Tommy Ettinger, public domain). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A number from 0 up to, and without, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** True so often in 1. */
  isLucky(share: number): boolean {
    return this.next() < share;
  }

  /** Lets a few turns of the event loop, or of the microtask queue alone, go by. */
  async pause(turnsMax: number): Promise<void> {
    for (let left = this.below(turnsMax + 1); left > 0; left -= 1) {
      if (this.isLucky(0.5)) await null;
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
