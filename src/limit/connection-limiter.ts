/** How many connections there may be: in all, of one address, of one user. WebSocket and SSE alike. */

import { PartylineError } from "../protocol/errors.ts";
import { Pass, type PassIssuer, type Tally } from "./pass.ts";
import type { Rate } from "./token-bucket.ts";
import type { UserQuota } from "./user-quota.ts";

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
  /** Null where there is no other node, or nothing that is bounded by user. */
  readonly #quota: UserQuota | null;
  readonly #addresses = new Map<string, Tally>();
  readonly #users = new Map<string, Tally>();
  #count = 0;

  /**
   * `now` is milliseconds of a clock that never goes back. `quota` knows of the other nodes; null
   * where there are none.
   */
  constructor(limits: ConnectionLimits, now: () => number, quota: UserQuota | null = null) {
    this.frameRate = limits.frameRate;
    this.now = now;
    this.#limits = limits;
    const boundsUsers = limits.connectionsPerUser > 0 || limits.frameRate.intervalMs > 0;
    this.#quota = boundsUsers ? quota : null;
    this.#quota?.start((user, nodes) => {
      const tally = this.#users.get(user);
      if (tally !== undefined) tally.nodes = nodes;
    });
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
   * Lets one more connection in, as that of somebody anonymous, who is their connection; for somebody
   * with a token {@link identify} follows. Whoever gets the pass must `release` it.
   * @throws too_many when a bound is reached
   */
  admit(addressKey: string): Pass {
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
    this.#count += 1;
    add(this.#addresses, address);
    return new Pass(this, address);
  }

  /**
   * Counts a connection as another user's from now on. Undefined when that is done; where other nodes
   * are asked first, a promise that rejects with `too_many` when all have as many as there may be. A
   * refused pass stays as it was.
   * @throws too_many when this node has as many
   */
  identify(pass: Pass, user: string): Promise<void> | undefined {
    if (pass.isReleased || pass.user?.key === user) return undefined;
    const { connectionsPerUser } = this.#limits;
    const holder = find(this.#users, user);
    if (isReached(holder.connections, connectionsPerUser)) throw this.#tooManyOfUser();
    if (this.#quota !== null && connectionsPerUser > 0) {
      return this.#claim(this.#quota, pass, holder);
    }
    // Only the pace is shared: nobody need wait until it is known among how many nodes.
    this.#quota?.claim(user, 0);
    this.#assign(pass, holder);
    return undefined;
  }

  /** Gives a pass back. May be called twice. */
  release(pass: Pass): void {
    if (pass.isReleased) return;
    pass.isReleased = true;
    this.#count -= 1;
    remove(this.#addresses, pass.address);
    this.#dismiss(pass);
  }

  async #claim(quota: UserQuota, pass: Pass, holder: Tally): Promise<void> {
    const before = pass.user;
    add(this.#users, holder); // so that those who come meanwhile find the bound reached
    const isLetIn = await quota.claim(holder.key, this.#limits.connectionsPerUser);
    // Its client may have left, or shown another token that was sooner.
    const isUseless = pass.isReleased || pass.user !== before;
    if (isLetIn && isUseless) quota.release(holder.key);
    else if (isLetIn) this.#assign(pass, holder);
    remove(this.#users, holder);
    if (!isLetIn) throw this.#tooManyOfUser();
  }

  #assign(pass: Pass, holder: Tally): void {
    this.#dismiss(pass);
    add(this.#users, holder);
    pass.user = holder;
  }

  #dismiss({ user }: Pass): void {
    if (user === null) return;
    remove(this.#users, user);
    this.#quota?.release(user.key);
  }

  #tooManyOfUser(): PartylineError {
    const { connectionsPerUser } = this.#limits;
    return tooMany(`One user may have ${connectionsPerUser} connections.`, "connections-per-user");
  }
}

function isReached(count: number, max: number): boolean {
  return max > 0 && count >= max;
}

function find(tallies: ReadonlyMap<string, Tally>, key: string): Tally {
  return tallies.get(key) ?? { key, connections: 0, nodes: 1, paidUntil: 0 };
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
