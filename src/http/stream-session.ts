/** One SSE stream: who it acts for, and how it ends. */

import type { Subscription } from "../hub/subscription.ts";
import { PartylineError, toProblem } from "../protocol/errors.ts";
import { encodeEvent } from "../protocol/event-stream.ts";
import type { Sender } from "../protocol/frame.ts";
import type { Traffic } from "../telemetry/traffic.ts";
import { assertMay, type Identity } from "./guard.ts";
import type { Arrival, StreamAttendee } from "./roll.ts";
import type { Session } from "./sessions.ts";

export class StreamSession implements Session, StreamAttendee {
  readonly id: string;
  readonly transport = "sse";
  number = 0;
  readonly arrival: Arrival;
  readonly tokenDueAt = null;
  identity: Identity;
  readonly #subscription: Subscription;
  readonly roomNames: readonly string[];
  #reason = "";

  constructor(
    id: string,
    identity: Identity,
    subscription: Subscription,
    rooms: readonly string[],
    arrival: Arrival,
  ) {
    this.id = id;
    this.identity = identity;
    this.arrival = arrival;
    this.roomNames = rooms;
    this.#subscription = subscription;
  }

  get user(): Sender {
    return this.identity.user;
  }

  get queueBytes(): number {
    return this.#subscription.queueBytes;
  }

  /** Why it ended; empty when its client left. */
  get reason(): string {
    return this.#subscription.hasOverflowed ? "slow_reader" : this.#reason;
  }

  measureTraffic(): Traffic {
    const { messageCount: messagesOut, byteCount: bytesOut } = this.#subscription;
    return { rooms: this.roomNames.length, messagesIn: 0, messagesOut, bytesIn: 0, bytesOut };
  }

  /** Tells the client the id by which it can renew its token. */
  welcome(): void {
    const { id: connection, identity } = this;
    this.#tell("welcome", { type: "welcome", connection, user: identity.user });
  }

  warn(secondsLeft: number): void {
    this.#tell("token_expiring", { type: "token_expiring", secondsLeft });
  }

  expire(error: PartylineError): void {
    // Not "error": EventSource would call the handler that it calls for a broken line.
    this.#tell("problem", toProblem(error));
    this.close(error.code);
  }

  /** Ends it after what is queued. */
  close(reason: string): void {
    this.#reason = reason;
    this.#subscription.close();
  }

  cut(): void {
    this.#subscription.cut();
  }

  renew(identity: Identity): undefined {
    if (identity.user.id !== this.identity.user.id) {
      throw new PartylineError("forbidden", "The token is of another user; connect anew with it.");
    }
    for (const room of this.roomNames) assertMay(identity, "read", room);
    this.identity = identity;
  }

  #tell(event: string, data: object): void {
    this.#subscription.push(encodeEvent({ event, data: JSON.stringify(data) }));
  }
}
