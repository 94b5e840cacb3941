/** A sleep that lasts until a test ends it. */

import { spyOn } from "bun:test";

/** What sleeps for just as long as was said, until `letGo` or the end of the `using` block. */
export class HeldSleep implements Disposable {
  readonly #held = Promise.withResolvers<void>();
  readonly #spy: Disposable;
  /** How often somebody began such a sleep. */
  begun = 0;

  /** `ms` should be a number that nothing else sleeps for. */
  constructor(ms: number) {
    const sleep = Bun.sleep;
    this.#spy = spyOn(Bun, "sleep").mockImplementation((given) => {
      if (given !== ms) return sleep(given);
      this.begun += 1;
      return this.#held.promise;
    });
  }

  /** Ends the sleeps. */
  letGo(): void {
    this.#held.resolve();
  }

  [Symbol.dispose](): void {
    this.letGo();
    this.#spy[Symbol.dispose]();
  }
}
