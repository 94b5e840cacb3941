/** Our messages that the server has not acknowledged yet, in the order in which they were written. */

import type { ErrorCode } from "../../src/protocol/errors.ts";
import { createMessageId, type Outgoing } from "./wire.ts";

const storeRetryMs = 2_000;

/** Keeps unacknowledged messages. `transmit` sends one if it can; `changed` hears every change. */
export class Outbox {
  readonly #waiting = new Map<string, Outgoing>();
  readonly #transmit: (outgoing: Outgoing) => void;
  readonly #changed: (outgoing: Outgoing) => void;

  constructor(transmit: (outgoing: Outgoing) => void, changed: (outgoing: Outgoing) => void) {
    this.#transmit = transmit;
    this.#changed = changed;
  }

  /** Takes a message and sends it if it can. `at` is milliseconds since 1970. */
  add(room: string, content: unknown, id = createMessageId(), at = Date.now()): void {
    const outgoing: Outgoing = { id, room, content, at, state: "waiting" };
    this.#waiting.set(id, outgoing);
    this.#changed(outgoing);
    this.#transmit(outgoing);
  }

  /** Sends again what waits for a room. */
  resend(room: string): void {
    for (const outgoing of this.#waiting.values()) {
      if (outgoing.room === room) this.#transmit(outgoing);
    }
  }

  /** Forgets what waits for a room. */
  discard(room: string): void {
    for (const { id, room: of } of this.#waiting.values())
      if (of === room) this.#waiting.delete(id);
  }

  /** Settles a message that the server stored. */
  acknowledge(id: string, position: string): void {
    this.#settle(id, { state: "sent", position });
  }

  /** Takes a refusal: one that passes is tried again by itself, any other fails the message. */
  refuse(id: string, code: ErrorCode, message: string, retryAfterMs = storeRetryMs): void {
    // Both are followed by a join, and that resends.
    if (code === "not_joined" || code === "draining") return;
    if (code !== "rate_limited" && code !== "unavailable" && code !== "internal") {
      return this.#settle(id, { state: "failed", failure: message });
    }
    setTimeout(() => {
      const outgoing = this.#waiting.get(id);
      if (outgoing !== undefined) this.#transmit(outgoing);
    }, retryAfterMs);
  }

  /** Fails the largest one. After "too large" it would cut the connection again and again. */
  failLargest(): void {
    const sizeOf = ({ content }: Outgoing) => JSON.stringify(content)?.length ?? 0;
    const largest = [...this.#waiting.values()].sort((a, b) => sizeOf(b) - sizeOf(a))[0];
    const failure = "It is too long for this server.";
    if (largest !== undefined) this.#settle(largest.id, { state: "failed", failure });
  }

  #settle(id: string, change: Pick<Outgoing, "state" | "position" | "failure">): void {
    const outgoing = this.#waiting.get(id);
    if (outgoing === undefined) return;
    this.#waiting.delete(id);
    this.#changed({ ...outgoing, ...change });
  }
}
