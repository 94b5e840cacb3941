/** How many messages were sent, said while it goes on and at the end. */

import type { Terminal } from "./terminal.ts";

const everyMs = 200;

/** Writes to standard error: a line that changes where somebody looks at it, and sentences. */
export class SentCount implements Disposable {
  readonly #terminal: Terminal;
  readonly #count: () => number;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #isShown = false;

  constructor(terminal: Terminal, count: () => number) {
    this.#terminal = terminal;
    this.#count = count;
    if (terminal.isWatched !== true) return;
    this.#timer = setInterval(() => {
      this.#isShown = true;
      this.#terminal.complain(`\r\x1b[K${this.#count().toLocaleString("en")} sent`);
    }, everyMs);
  }

  /** Writes a sentence in place of the line. */
  readonly complain = (text: string): void => {
    const cleared = this.#isShown ? "\r\x1b[K" : "";
    this.#isShown = false;
    this.#terminal.complain(`${cleared}${text}`);
  };

  /** Says how it ended; `onWay` messages are not acknowledged. */
  end(onWay: number): void {
    const rest = onWay === 0 ? "" : `; of ${onWay.toLocaleString("en")} more it is not known`;
    this.complain(`${this.#count().toLocaleString("en")} sent${rest}.\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
