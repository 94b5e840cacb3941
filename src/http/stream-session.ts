/** One SSE stream that acts by a token. */

import type { Subscription } from "../hub/subscription.ts";
import { PartylineError, toProblem } from "../protocol/errors.ts";
import { encodeEvent } from "../protocol/event-stream.ts";
import { assertMay, type Identity } from "./guard.ts";
import type { Session } from "./sessions.ts";

export class StreamSession implements Session {
  readonly id: string;
  readonly tokenDueAt = null;
  identity: Identity;
  readonly #subscription: Subscription;
  readonly #rooms: readonly string[];

  constructor(
    id: string,
    identity: Identity,
    subscription: Subscription,
    rooms: readonly string[],
  ) {
    this.id = id;
    this.identity = identity;
    this.#subscription = subscription;
    this.#rooms = rooms;
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
    this.#tell("problem", toProblem(error));
    this.#subscription.close();
  }

  renew(identity: Identity): void {
    if (identity.user.id !== this.identity.user.id) {
      throw new PartylineError("forbidden", "The token is of another user; connect anew with it.");
    }
    for (const room of this.#rooms) assertMay(identity, "read", room);
    this.identity = identity;
  }

  #tell(event: string, data: object): void {
    this.#subscription.push(encodeEvent({ event, data: JSON.stringify(data) }));
  }
}
