/** How many connections there may be: in all, of one address, of one user. WebSocket and SSE alike. */

import { PartylineError } from "../protocol/errors.ts";
import { Pass, type PassIssuer, type Tally } from "./pass.ts";
import type { Rate } from "./token-bucket.ts";

export interface ConnectionLimits {
  /** 0 means no such bound, for each of the three. */
  readonly connectionsMax: number;
  readonly connectionsPerAddress: number;
  readonly connectionsPerUser: number;
  /** How often one user may send frames. */
  readonly frameRate: Rate;
}

/** When trying again makes sense: nobody knows when others leave. */
const retryAfterMs = 5_000;

/** Its maps hold one entry for each address and user with an open connection, and no others. */
export class ConnectionLimiter implements PassIssuer {
  readonly frameRate: Rate;
  readonly now: () => number;
  readonly #limits: ConnectionLimits;
  readonly #addresses = new Map<string, Tally>();
  readonly #users = new Map<string, Tally>();
  #count = 0;

  /** `now` is milliseconds of a clock that never goes back. */
  constructor(limits: ConnectionLimits, now: () => number) {
    this.frameRate = limits.frameRate;
    this.now = now;
    this.#limits = limits;
  }

  /** Connections that hold a pass. */
  get count(): number {
    return this.#count;
  }

  /** Addresses and users that are remembered. */
  get size(): number {
    return this.#addresses.size + this.#users.size;
  }

  /**
   * Lets one more connection in. `user` is null for somebody anonymous, who is their connection.
   * Whoever gets the pass must `release` it.
   * @throws too_many when a bound is reached
   */
  admit(addressKey: string, user: string | null): Pass {
    const { connectionsMax, connectionsPerAddress } = this.#limits;
    if (isReached(this.#count, connectionsMax)) {
      throw tooMany(
        `The server has ${connectionsMax} connections, as many as it may.`,
        "connections-max",
      );
    }
    const address = find(this.#addresses, addressKey);
    if (isReached(address.connections, connectionsPerAddress)) {
      throw tooMany(
        `One address may have ${connectionsPerAddress} connections.`,
        "connections-per-address",
      );
    }
    const holder = user === null ? null : this.#findUser(user);
    this.#count += 1;
    add(this.#addresses, address);
    if (holder !== null) add(this.#users, holder);
    return new Pass(this, address, holder);
  }

  /**
   * Counts a connection as another user's from now on.
   * @throws too_many when that user has no more to spend; the pass stays as it was
   */
  identify(pass: Pass, user: string): void {
    if (pass.isReleased || pass.user?.key === user) return;
    const holder = this.#findUser(user);
    if (pass.user !== null) remove(this.#users, pass.user);
    add(this.#users, holder);
    pass.user = holder;
  }

  /** Gives a pass back. May be called twice. */
  release(pass: Pass): void {
    if (pass.isReleased) return;
    pass.isReleased = true;
    this.#count -= 1;
    remove(this.#addresses, pass.address);
    if (pass.user !== null) remove(this.#users, pass.user);
  }

  #findUser(user: string): Tally {
    const { connectionsPerUser } = this.#limits;
    const holder = find(this.#users, user);
    if (!isReached(holder.connections, connectionsPerUser)) return holder;
    throw tooMany(`One user may have ${connectionsPerUser} connections.`, "connections-per-user");
  }
}

function isReached(count: number, max: number): boolean {
  return max > 0 && count >= max;
}

function find(tallies: ReadonlyMap<string, Tally>, key: string): Tally {
  return tallies.get(key) ?? { key, connections: 0, paidUntil: 0 };
}

function add(tallies: Map<string, Tally>, tally: Tally): void {
  tally.connections += 1;
  tallies.set(tally.key, tally);
}

function remove(tallies: Map<string, Tally>, tally: Tally): void {
  tally.connections -= 1;
  if (tally.connections === 0) tallies.delete(tally.key);
}

function tooMany(text: string, limit: string): PartylineError {
  return new PartylineError("too_many", text, retryAfterMs, limit);
}
