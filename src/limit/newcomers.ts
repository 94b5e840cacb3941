/** Those who came and have not spoken yet. One timer for all of them. */

import type { Clock } from "../hub/ports.ts";

export interface NewcomersOptions<Newcomer> {
  readonly clock: Pick<Clock, "after">;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Milliseconds that each has; 0 means for ever. */
  readonly withinMs: number;
  /** Called once for each who took longer; it is forgotten by then. */
  readonly onSilent: (newcomer: Newcomer) => void;
}

/** Holds somebody only until they speak or leave, so at most as many as there are connections. */
export class Newcomers<Newcomer> {
  readonly #options: NewcomersOptions<Newcomer>;
  /** When each came, in the order in which they came. */
  readonly #cameAt = new Map<Newcomer, number>();
  #cancel: (() => void) | null = null;

  constructor(options: NewcomersOptions<Newcomer>) {
    this.#options = options;
  }

  /** Those who are awaited. */
  get size(): number {
    return this.#cameAt.size;
  }

  add(newcomer: Newcomer): void {
    const { withinMs, now } = this.#options;
    if (withinMs === 0) return;
    this.#cameAt.set(newcomer, now());
    if (this.#cancel === null) this.#wake(withinMs);
  }

  /** Forgets somebody who spoke or left. */
  remove(newcomer: Newcomer): void {
    this.#cameAt.delete(newcomer);
  }

  /** Forgets everybody. May be called twice. */
  close(): void {
    this.#cameAt.clear();
    this.#cancel?.();
    this.#cancel = null;
  }

  #wake(delayMs: number): void {
    this.#cancel = this.#options.clock.after(delayMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#cancel = null;
    const { withinMs, now, onSilent } = this.#options;
    const end = now() - withinMs;
    for (const [newcomer, cameAt] of this.#cameAt) {
      if (cameAt > end) return this.#wake(Math.max(1, cameAt - end));
      this.#cameAt.delete(newcomer);
      onSilent(newcomer);
    }
  }
}
