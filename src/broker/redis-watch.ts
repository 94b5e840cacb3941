/** Notices that a connection to Redis has fallen silent. */

import type { Clock } from "../hub/ports.ts";

/** What a watch works with. */
export interface RedisWatchOptions {
  readonly clock: Clock;
  /** Between two looks, and between two questions that are answered at once. */
  readonly checkMs: number;
  /** How long nothing may come while questions are unanswered. */
  readonly silenceMsMax: number;
  /** Asks for signs of life. Each settles when it is answered, in whatever way; none may reject. */
  readonly ask: () => readonly Promise<void>[];
  /** Counts whatever else was answered: behind much of it an answer may be late, and is none lost. */
  readonly heard: () => number;
  /** Hears once that there were none. */
  readonly onSilence: () => void;
}

/** Asks again and again, as soon as everything is answered. Whoever starts it closes it. */
export class RedisWatch {
  readonly #options: RedisWatchOptions;
  #unanswered = 0;
  #silenceMs = 0;
  #heard = 0;
  #cancel: (() => void) | undefined;

  constructor(options: RedisWatchOptions) {
    this.#options = options;
  }

  /** Begins to ask. Called once. */
  start(): void {
    const { clock, checkMs } = this.#options;
    this.#cancel = clock.after(checkMs, () => this.#check());
  }

  /** Stops asking. May be called twice. */
  close(): void {
    this.#cancel?.();
    this.#unanswered = Number.POSITIVE_INFINITY; // A look that is under way asks nothing more.
  }

  /** Silence is counted in looks: a stall of this process is none of Redis. */
  #check(): void {
    const { checkMs, silenceMsMax, ask, heard, onSilence } = this.#options;
    const before = this.#heard;
    this.#heard = heard();
    const isAlive = this.#unanswered === 0 || this.#heard !== before;
    this.#silenceMs = isAlive ? 0 : this.#silenceMs + checkMs;
    if (this.#silenceMs >= silenceMsMax) {
      onSilence();
      return;
    }
    if (this.#unanswered === 0) {
      const answers = ask();
      this.#unanswered = answers.length;
      for (const answer of answers) {
        void answer.then(() => {
          this.#unanswered -= 1;
        });
      }
    }
    this.start();
  }
}
