/** Tokens that are no longer taken although they have not run out. */

import type { Clock } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { VerifiedToken } from "./claims.ts";

/** A token by its `jti`. `until` is when it runs out, in milliseconds since 1970; null is never. */
export interface RevokedToken {
  readonly id: string;
  readonly until: number | null;
}

/** All tokens of a user that were issued before a time, in milliseconds since 1970. */
export interface RevokedUser {
  readonly user: string;
  readonly before: number;
}

/**
 * Keeps revocations across restarts. Saving replaces what was kept for the same token or user, and
 * returns when it is kept as safely as the store can: a revocation that is lost lets somebody in
 * again. All calls are synchronous, so that a revocation holds from one turn of the loop to the next.
 */
export interface RevocationStore {
  tokens(): readonly RevokedToken[];
  users(): readonly RevokedUser[];
  /** @throws unavailable when the store cannot be written; nothing is kept then */
  saveToken(token: RevokedToken): void;
  /** @throws unavailable when the store cannot be written; nothing is kept then */
  saveUser(user: RevokedUser): void;
  /** Forgets tokens that ran out before `now`. */
  forget(now: number): void;
}

/** What a bound of revocations is where none is given: tokens, and users. */
export const revocationsMax = 100_000;

/**
 * Knows what is revoked. All of it is in memory, at most `max` tokens and as many users; a token is
 * forgotten once it has run out. Beyond the bound a revocation is refused: forgetting an older one
 * would let its token in again.
 */
export class Revocations {
  readonly #tokens = new Map<string, number | null>();
  readonly #users = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  readonly #clock: Clock;
  readonly #store: RevocationStore | null;
  readonly #max: number;
  /** When the first token runs out; before that there is nothing to forget. */
  #nextEnd = Number.POSITIVE_INFINITY;

  /** Without a store, revocations end with the process. */
  constructor(clock: Clock, store: RevocationStore | null = null, max = revocationsMax) {
    this.#clock = clock;
    this.#store = store;
    this.#max = max;
    for (const { id, until } of store?.tokens() ?? []) this.#addToken(id, until);
    for (const { user, before } of store?.users() ?? []) this.#users.set(user, before);
  }

  /**
   * Revokes one token. `until` is when it runs out by its `exp` and leeway; null keeps it for ever.
   * @throws too_many at the bound
   * @throws unavailable when the store cannot be written
   */
  revokeToken(id: string, until: number | null): void {
    this.#forget();
    if (until !== null && until <= this.#clock.now()) return;
    const known = this.#tokens.get(id);
    if (known === null) return; // It is revoked for ever already.
    if (known === undefined) this.#assertRoom(this.#tokens.size);
    const latest = until === null || known === undefined ? until : Math.max(until, known);
    this.#store?.saveToken({ id, until: latest });
    this.#addToken(id, latest);
    this.#tell();
  }

  /**
   * Revokes all tokens of a user that were issued before a time, and those that do not say when. An
   * earlier time than one already given changes nothing.
   * @throws too_many at the bound
   * @throws unavailable when the store cannot be written
   */
  revokeUser(user: string, before: number): void {
    const known = this.#users.get(user);
    if (known !== undefined && known >= before) return;
    if (known === undefined) this.#assertRoom(this.#users.size);
    this.#store?.saveUser({ user, before });
    this.#users.set(user, before);
    this.#tell();
  }

  /** Whether a token is revoked now. `iat` counts seconds: one of the same second counts as before. */
  isRevoked({ id, user, issuedAt }: Pick<VerifiedToken, "id" | "user" | "issuedAt">): boolean {
    if (id !== null && this.#tokens.has(id)) return true;
    const before = this.#users.get(user.id);
    return before !== undefined && (issuedAt ?? Number.NEGATIVE_INFINITY) < before;
  }

  /** Calls `listener` after each revocation, until the returned function is called. */
  onRevoked(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What is kept: tokens and users. */
  get size(): number {
    return this.#tokens.size + this.#users.size;
  }

  #addToken(id: string, until: number | null): void {
    this.#tokens.set(id, until);
    if (until !== null) this.#nextEnd = Math.min(this.#nextEnd, until);
  }

  #assertRoom(size: number): void {
    if (size < this.#max) return;
    throw new PartylineError(
      "too_many",
      `At most ${this.#max} tokens and as many users can be revoked; change the key instead.`,
    );
  }

  #forget(): void {
    const now = this.#clock.now();
    if (now < this.#nextEnd) return;
    this.#nextEnd = Number.POSITIVE_INFINITY;
    for (const [id, until] of this.#tokens) {
      if (until !== null && until <= now) this.#tokens.delete(id);
      else if (until !== null) this.#nextEnd = Math.min(this.#nextEnd, until);
    }
    this.#store?.forget(now);
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
