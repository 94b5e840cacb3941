/** Connections that act by a token: told before it runs out, ended when it does or is revoked. */

import type { Authenticator } from "../auth/authenticator.ts";
import type { Clock } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import type { Identity } from "./guard.ts";

/** One WebSocket connection or SSE stream, as long as it is open. */
export interface Session {
  readonly id: string;
  /** Who it acts for now; a renewal replaces it. */
  readonly identity: Identity;
  /** Milliseconds since 1970 by which it must have shown a token; null when it need not. */
  readonly tokenDueAt: number | null;
  /** Tells the client that its token runs out. */
  warn(secondsLeft: number): void;
  /**
   * Acts by another identity from now on. A promise only where that needs a wait; it rejects with the
   * same errors.
   * @throws forbidden when it is another user's, or does not cover what the session needs
   * @throws too_many when a connection without a user becomes that of one who has enough
   */
  renew(identity: Identity): Promise<void> | undefined;
  /** Ends it: its token ran out or was revoked, or none came. */
  expire(error: PartylineError): void;
}

const sweepMs = 1_000;

/**
 * Watches the sessions that can end by themselves; those that cannot cost nothing. `close` stops its
 * timer and may be called twice.
 */
export class Sessions {
  readonly #authenticator: Authenticator;
  readonly #clock: Clock;
  readonly #watched = new Map<string, Session>();
  /** The tokens of which their owners were told that they run out. */
  readonly #warned = new WeakSet<object>();
  readonly #stopHearing: () => void;
  #cancelSweep: () => void = () => {};
  /** Milliseconds since 1970. */
  #nextSweepAt = 0;

  constructor(authenticator: Authenticator, clock: Clock) {
    this.#authenticator = authenticator;
    this.#clock = clock;
    this.#sweepAt(clock.now() + sweepMs);
    this.#stopHearing = authenticator.onRevoked(() => this.#look());
  }

  /** Begins to watch a session, or goes on when it acts by another token now. */
  watch(session: Session): void {
    if (session.identity.token === null && session.tokenDueAt === null) return;
    this.#watched.set(session.id, session);
    const endsAt = endOf(session);
    if (endsAt < this.#nextSweepAt) this.#sweepAt(endsAt);
  }

  forget(session: Session): void {
    this.#watched.delete(session.id);
  }

  /** Finds a watched session by the id of its connection. */
  find(id: string): Session | undefined {
    return this.#watched.get(id);
  }

  /** The watched sessions of a user. */
  of(user: string): Session[] {
    return [...this.#watched.values()].filter(({ identity }) => identity.user.id === user);
  }

  close(): void {
    this.#cancelSweep();
    this.#nextSweepAt = Number.NEGATIVE_INFINITY; // whoever still comes sets no timer any more
    this.#stopHearing();
  }

  #sweep(): void {
    this.#look();
    let next = this.#clock.now() + sweepMs;
    for (const session of this.#watched.values()) next = Math.min(next, endOf(session));
    this.#sweepAt(next);
  }

  /** To the millisecond, so that nobody reads or writes for the rest of a second without a token. */
  #sweepAt(at: number): void {
    this.#cancelSweep();
    this.#nextSweepAt = at;
    this.#cancelSweep = this.#clock.after(at - this.#clock.now(), () => this.#sweep());
  }

  #look(): void {
    const now = this.#clock.now();
    for (const session of this.#watched.values()) this.#lookAt(session, now);
  }

  #lookAt(session: Session, now: number): void {
    const { token } = session.identity;
    if (token === null) {
      const isDue = session.tokenDueAt !== null && now >= session.tokenDueAt;
      if (isDue) this.#expire(session, "No token came in time.");
      return;
    }
    if (this.#authenticator.isRevoked(token)) {
      return this.#expire(session, "The token was revoked.");
    }
    if (token.expiresAt === null) return;
    const leftMs = token.expiresAt - now;
    if (leftMs <= 0) return this.#expire(session, "The token ran out.");
    if (leftMs > limits.tokenWarningMs || this.#warned.has(token)) return;
    this.#warned.add(token);
    session.warn(Math.ceil(leftMs / 1_000));
  }

  #expire(session: Session, text: string): void {
    this.forget(session);
    session.expire(new PartylineError("unauthenticated", text));
  }
}

/** When a session ends unless it is renewed, in milliseconds since 1970. */
function endOf({ identity: { token }, tokenDueAt }: Session): number {
  return (token === null ? tokenDueAt : token.expiresAt) ?? Number.POSITIVE_INFINITY;
}
