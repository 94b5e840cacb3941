/** How one WebSocket leaves a server that drains: it is told, gets its answers, and is closed. */

import { PartylineError } from "../protocol/errors.ts";

/**
 * A ping goes out behind the word that the server goes away. Its pong tells that all that the client
 * had sent before it heard has arrived; what comes later is refused, so that an end is in sight.
 */
export class Departure {
  /** What the client was told. */
  readonly reconnectAfterMs: number;
  readonly #close: () => void;
  #hasHeard = false;

  constructor(reconnectAfterMs: number, close: () => void) {
    this.reconnectAfterMs = reconnectAfterMs;
    this.#close = close;
  }

  /** Takes no more publishes from now on, and closes when none waits for its answer. */
  hear(unanswered: number): void {
    this.#hasHeard = true;
    this.answered(unanswered);
  }

  /** Closes, if it has heard and none waits, once the answers of this turn are on their way. */
  answered(unanswered: number): void {
    if (this.#hasHeard && unanswered === 0) queueMicrotask(this.#close);
  }

  /** @throws draining when nothing may be published here any more */
  assertOpen(): void {
    if (!this.#hasHeard) return;
    const text = "The server is going away; publish again after the delay, with the same id.";
    throw new PartylineError("draining", text, this.reconnectAfterMs);
  }
}
