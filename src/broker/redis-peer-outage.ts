/** The time in which nodes cannot know who came to another node: while Redis is away, and just after. */

import type { Clock } from "../hub/ports.ts";

export interface PeerOutageOptions {
  readonly clock: Clock;
  /** How long it lasts at most while Redis stays away. */
  readonly outageMsMax: number;
  /** How long it lasts once Redis is back: the others have to tell who is there. */
  readonly graceMs: number;
}

/** `close` stops its alarm; it may be called twice. */
export class PeerOutage {
  readonly #options: PeerOutageOptions;
  readonly #onOver: () => void;
  #cancel: (() => void) | null = null;

  /** `onOver` is called when it is over. */
  constructor(options: PeerOutageOptions, onOver: () => void) {
    this.#options = options;
    this.#onOver = onOver;
  }

  /** True from when Redis is away until it is over. */
  get isOn(): boolean {
    return this.#cancel !== null;
  }

  /** Redis is away. */
  begin(): void {
    this.#last(this.#options.outageMsMax);
  }

  /** Redis is back. */
  end(): void {
    this.#last(this.#options.graceMs);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #last(forMs: number): void {
    this.#cancel?.();
    this.#cancel = this.#options.clock.after(forMs, () => {
      this.#cancel = null;
      this.#onOver();
    });
  }
}
