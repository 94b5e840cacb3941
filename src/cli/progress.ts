/** One line on a terminal that says how far a long work is. */

import type { Terminal } from "./terminal.ts";

/** How often the line changes at most, and from when on it is there: short work shows nothing. */
const everyMs = 100;
const afterMs = 500;

/** Writes progress to standard error where somebody looks at it. `end` takes the line away. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #words: Readonly<Record<string, string>>;
  readonly #startedAt = performance.now();
  #shownAt = 0;
  #isShown = false;

  /** `words` says what each step does. */
  constructor(terminal: Terminal, words: Readonly<Record<string, string>>) {
    this.#terminal = terminal;
    this.#words = words;
  }

  /** Milliseconds since the work began. */
  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Shows a step, and which part of it is done: 0 to 1, or undefined where nobody can tell. */
  readonly show = (step: string, part: number | undefined): void => {
    const now = performance.now();
    // A step that nobody can measure is shown at its start or never.
    const isDue = now - this.#shownAt >= everyMs && now - this.#startedAt >= afterMs;
    if (this.#terminal.isWatched !== true || (part !== undefined && !isDue)) return;
    this.#shownAt = now;
    this.#isShown = true;
    const percent = part === undefined ? "…" : ` ${Math.floor(part * 100)} %`;
    this.#terminal.complain(`\r\x1b[K${this.#words[step] ?? step}${percent}`);
  };

  end(): void {
    if (this.#isShown) this.#terminal.complain("\r\x1b[K");
    this.#isShown = false;
  }
}
