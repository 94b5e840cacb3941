/** How long a link waits before it tries to connect again. */

import type { Clock } from "../hub/ports.ts";

const firstMs = 50;
const ceilingMs = 2_000;
/** A link that breaks again this soon goes on with the longer delays. */
const relapseMs = 5_000;

/** Delays of one link: twice as long each time, half of each by chance, so that nodes come spread. */
export class RedisBackoff {
  readonly #clock: Clock;
  #attempt = 0;
  #upAt = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes that the link is up. */
  noteUp(): void {
    this.#upAt = this.#clock.now();
  }

  /** Notes that it broke. */
  noteDown(): void {
    if (Math.abs(this.#clock.now() - this.#upAt) > relapseMs) this.#attempt = 0;
  }

  /** Resolves when it is time to try, or once it is closed. */
  wait(): Promise<void> {
    const longestMs = Math.min(ceilingMs, firstMs * 2 ** this.#attempt);
    this.#attempt += 1;
    return new Promise((resolve) => {
      const cancel = this.#clock.after(longestMs * (0.5 + Math.random() / 2), resolve);
      this.#cancel = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Ends a wait. */
  close(): void {
    this.#cancel?.();
  }
}
