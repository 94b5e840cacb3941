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

/** What is revoked: tokens with when they run out, and users with the time before which. */
export interface Revoked {
  readonly tokens: ReadonlyMap<string, number | null>;
  readonly users: ReadonlyMap<string, number>;
}

/** Whoever applies revocations. No call throws. */
export interface RevocationListener {
  /** These are kept, too, and hold from now on; whichever of two times is the later one counts. */
  hear(revoked: Revoked): void;
  /** All that hold here and did not run out, for a store that may have lost some of them. */
  all(): Revoked;
}

/**
 * Keeps revocations across restarts, and brings those that other nodes keep in the same store. Saving
 * replaces what was kept for the same token or user where the new time is later, and resolves when it
 * is kept as safely as the store can: a revocation that is lost lets somebody in again.
 */
export interface RevocationStore {
  /** Begins to tell a listener: what is kept already at once, or before the first connection comes. */
  start(listener: RevocationListener): void;
  /**
   * @throws unavailable when the store cannot be written or does not answer
   * @throws too_many when it holds as many as it may
   */
  saveToken(token: RevokedToken): Promise<void>;
  /** The same of a user. */
  saveUser(user: RevokedUser): Promise<void>;
  /** Forgets tokens that ran out before `now`; `ids` are some that did. Without a word when it fails. */
  forget(now: number, ids: readonly string[]): void;
}

/** What a bound of revocations is where none is given: tokens, and users. */
export const revocationsMax = 100_000;

/**
 * Knows what is revoked. All of it is in memory, at most `max` tokens and as many users that were
 * revoked here, beside what other nodes keep; a token is forgotten once it has run out. Beyond the
 * bound a revocation is refused: forgetting an older one would let its token in again.
 */
export class Revocations implements RevocationListener {
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
    store?.start(this);
  }

  /**
   * Revokes one token, and resolves once that is kept and holds. `until` is when it runs out by its
   * `exp` and leeway; null keeps it for ever.
   * @throws too_many at the bound
   * @throws unavailable when the store cannot be written
   */
  async revokeToken(id: string, until: number | null): Promise<void> {
    this.#forget();
    if (until !== null && until <= this.#clock.now()) return;
    const known = this.#tokens.get(id);
    if (known === null) return; // It is revoked for ever already.
    if (known === undefined) this.#assertRoom(this.#tokens.size);
    const latest = laterOf(until, known);
    if (this.#store !== null) await this.#store.saveToken({ id, until: latest });
    this.hear({ tokens: new Map([[id, latest]]), users: noUsers });
  }

  /**
   * Revokes all tokens of a user that were issued before a time, and those that do not say when, and
   * resolves once that is kept and holds. An earlier time than one already given changes nothing.
   * @throws too_many at the bound
   * @throws unavailable when the store cannot be written
   */
  async revokeUser(user: string, before: number): Promise<void> {
    const known = this.#users.get(user);
    if (known !== undefined && known >= before) return;
    if (known === undefined) this.#assertRoom(this.#users.size);
    if (this.#store !== null) await this.#store.saveUser({ user, before });
    this.hear({ tokens: noTokens, users: new Map([[user, before]]) });
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

  hear({ tokens, users }: Revoked): void {
    const now = this.#clock.now();
    const ranOut: string[] = [];
    let isNew = false;
    for (const [id, until] of tokens) {
      if (until !== null && until <= now) ranOut.push(id);
      else isNew = this.#addToken(id, until) || isNew;
    }
    for (const [user, before] of users) {
      if (before <= (this.#users.get(user) ?? Number.NEGATIVE_INFINITY)) continue;
      this.#users.set(user, before);
      isNew = true;
    }
    if (ranOut.length > 0) this.#store?.forget(now, ranOut);
    if (isNew) for (const listener of [...this.#listeners]) listener();
  }

  all(): Revoked {
    this.#forget();
    return { tokens: this.#tokens, users: this.#users };
  }

  /** What is kept: tokens and users. */
  get size(): number {
    return this.#tokens.size + this.#users.size;
  }

  /** Tells whether that changed anything. */
  #addToken(id: string, until: number | null): boolean {
    const known = this.#tokens.get(id);
    const latest = laterOf(until, known);
    if (latest === known) return false;
    this.#tokens.set(id, latest);
    if (latest !== null) this.#nextEnd = Math.min(this.#nextEnd, latest);
    return true;
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
    const ranOut: string[] = [];
    for (const [id, until] of this.#tokens) {
      if (until !== null && until <= now) ranOut.push(id);
      else if (until !== null) this.#nextEnd = Math.min(this.#nextEnd, until);
    }
    for (const id of ranOut) this.#tokens.delete(id);
    this.#store?.forget(now, ranOut);
  }
}

const noTokens: ReadonlyMap<string, null> = new Map();
const noUsers: ReadonlyMap<string, number> = new Map();

/** The later of two ends; null is never, undefined is none. */
function laterOf(one: number | null, other: number | null | undefined): number | null {
  if (other === undefined) return one;
  return one === null || other === null ? null : Math.max(one, other);
}
