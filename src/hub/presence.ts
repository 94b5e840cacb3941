/** Who is in a room: users made of connections, and their comings and goings gathered in time. */

import type { Member, Sender } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import { Elsewhere } from "./elsewhere.ts";
import { Gathering } from "./gathering.ts";
import type { Clock, Share } from "./ports.ts";
import { isHere, isNamedLater, type Outside, type Present, toShare, toWaitMs } from "./present.ts";

/** What changed in at most `presenceGatherMs`. Above `listedMembersMax` members nobody is named. */
export interface PresenceChange {
  readonly joined: readonly Member[];
  readonly left: readonly Member[];
  readonly members: number;
}

/** Hears of changes, and of the moment when the last member who was here is gone. */
export interface PresenceListener {
  onPresence(change: PresenceChange): void;
  onDeserted(): void;
}

/**
 * The members of one room: a user who is on several nodes is one member, who leaves when the last of
 * them has nothing of theirs any more. `close` stops its timers; it may be called twice.
 */
export class Presence {
  readonly #clock: Clock;
  readonly #listener: PresenceListener;
  readonly #outside: Outside | null;
  readonly #members = new Map<string, Present>();
  /** Members who are here, those within their grace included. */
  #here = 0;
  /** Made when another node first says something. */
  #elsewhere: Elsewhere | null = null;
  /** True when somebody was put behind others who joined later. */
  #isUnsorted = false;
  /** What is to be told; null in the long times when nobody comes or goes. */
  #gathering: Gathering | null = null;
  /** What `list` returns, or null when it must be made anew. */
  #listed: readonly Member[] | null = null;

  /** `outside` is null where there are no other nodes. */
  constructor(clock: Clock, listener: PresenceListener, outside: Outside | null = null) {
    this.#clock = clock;
    this.#listener = listener;
    this.#outside = outside;
  }

  /** Members on all nodes, those within their grace included. */
  get count(): number {
    return this.#members.size;
  }

  /** Members who are here, those within their grace included. */
  get hereCount(): number {
    return this.#here;
  }

  /** Those who read the room on other nodes without being members. */
  get observersElsewhere(): number {
    return this.#elsewhere?.observerCount ?? 0;
  }

  /** Tells whether a user is a member. */
  has(id: string): boolean {
    return this.#members.has(id);
  }

  /** The first `listedMembersMax` members, oldest first. The same array until something changes. */
  list(): readonly Member[] {
    if (this.#listed !== null) return this.#listed;
    this.#sort();
    const first = this.#members.values().take(limits.listedMembersMax);
    this.#listed = Array.from(first, (present) => this.#describe(present));
    return this.#listed;
  }

  /** Counts one more connection of a user. The newest name given is the one shown. */
  add({ id, name }: Sender): void {
    let present = this.#members.get(id);
    if (present === undefined) {
      const now = this.#clock.now();
      present = { id, name, namedAt: now, joinedAt: now, connections: 1, cancelGrace: null };
      this.#here += 1;
      this.#insert(present);
    } else {
      this.#listed = null;
      if (!isHere(present)) this.#here += 1;
      present.connections += 1;
      present.cancelGrace?.();
      present.cancelGrace = null;
      this.#rename(present, name);
    }
    this.#outside?.share(toShare(present));
  }

  /** Shows another name for a user who is a member; ignored for anybody else. */
  rename({ id, name }: Sender): void {
    const present = this.#members.get(id);
    if (present === undefined || !this.#rename(present, name)) return;
    if (isHere(present)) this.#outside?.share(toShare(present));
  }

  /** Counts one connection of a user as another's, or shows another name for the same user. */
  replace(id: string, user: Sender): void {
    if (id === user.id) return this.rename(user);
    if (!this.#members.has(id)) return;
    this.add(user); // first, so that the room is not deserted in between
    this.remove(id);
  }

  /**
   * Counts one connection less. A user who was cut off, and who can come back under the same id,
   * stays a member for `graceMs`, so that a reconnect is not seen by the others; and in any case while
   * it cannot be known whether they came to another node.
   */
  remove(id: string, graceMs = 0): void {
    const present = this.#members.get(id);
    if (present === undefined || present.connections === 0) return;
    this.#listed = null;
    present.connections -= 1;
    if (present.connections === 0) {
      const waitMs = toWaitMs(id, graceMs, this.#outside);
      if (waitMs === 0) return this.#leave(present);
      this.#leaveAfter(waitMs, present);
    }
    this.#outside?.share(toShare(present));
  }

  /** Hears from another node which users have which connections there, and who is gone from it. */
  hear(node: string, shares: readonly Share[], gone: readonly string[]): void {
    this.#elsewhere ??= new Elsewhere();
    for (const share of shares) {
      this.#elsewhere.set(node, share);
      this.#meet(share);
    }
    for (const id of gone) {
      if (!this.#elsewhere.delete(node, id)) continue;
      this.#listed = null;
      const present = this.#members.get(id);
      if (present !== undefined && !isHere(present)) this.#dropUnlessElsewhere(present);
    }
  }

  /** Hears from another node who all are there: whoever was there besides is gone. */
  hearAll(node: string, shares: readonly Share[]): void {
    const there = new Set(shares.map(({ id }) => id));
    const gone = this.#elsewhere?.usersOf(node).filter((id) => !there.has(id)) ?? [];
    this.hear(node, shares, gone);
  }

  /** Hears how many read on another node without being members. */
  hearObservers(node: string, count: number): void {
    this.#elsewhere ??= new Elsewhere();
    this.#elsewhere.observe(node, count);
  }

  close(): void {
    this.#gathering?.close();
    this.#gathering = null;
    for (const present of this.#members.values()) present.cancelGrace?.();
  }

  /** Counts in a user's share on another node. */
  #meet(share: Share): void {
    const { id, name, joinedAt, namedAt } = share;
    const present = this.#members.get(id);
    if (present === undefined) {
      this.#isUnsorted = true;
      return this.#insert({ ...share, connections: 0, cancelGrace: null });
    }
    this.#listed = null;
    const isEarlier = joinedAt < present.joinedAt;
    this.#isUnsorted ||= isEarlier;
    if (isEarlier) present.joinedAt = joinedAt;
    const isRenamed = isNamedLater(share, present) && this.#rename(present, name, namedAt);
    // So that it is still known when the user is here alone.
    if ((isEarlier || isRenamed) && isHere(present)) this.#outside?.share(toShare(present));
  }

  #insert(present: Present): void {
    // Whoever comes after those listed does not change the list: thousands may join at once.
    const isListed = this.#members.size < limits.listedMembersMax || this.#isUnsorted;
    if (isListed) this.#listed = null;
    this.#members.set(present.id, present);
    this.#gather().noteJoined(this.#describe(present));
  }

  #sort(): void {
    if (!this.#isUnsorted) return;
    this.#isUnsorted = false;
    const sorted = [...this.#members.values()].sort((a, b) => a.joinedAt - b.joinedAt);
    this.#members.clear();
    for (const present of sorted) this.#members.set(present.id, present);
  }

  #rename(present: Present, name: string, namedAt?: number): boolean {
    if (present.name === name) return false;
    this.#listed = null;
    present.name = name;
    // A name given here is later than any that is known here.
    present.namedAt = namedAt ?? Math.max(this.#clock.now(), present.namedAt + 1);
    this.#gather().noteJoined(this.#describe(present));
    return true;
  }

  #leaveAfter(waitMs: number, present: Present): void {
    present.cancelGrace = this.#clock.after(waitMs, () => {
      const moreMs = toWaitMs(present.id, 0, this.#outside);
      return moreMs === 0 ? this.#leave(present) : this.#leaveAfter(moreMs, present);
    });
  }

  /** Takes out a user who has no connection here any more, and may have one elsewhere. */
  #leave(present: Present): void {
    this.#listed = null;
    present.cancelGrace = null;
    this.#here -= 1;
    this.#outside?.unshare(present.id);
    this.#dropUnlessElsewhere(present);
    if (this.#here === 0) this.#listener.onDeserted();
  }

  #dropUnlessElsewhere(present: Present): void {
    if (this.#elsewhere?.has(present.id)) return;
    this.#members.delete(present.id);
    this.#gather().noteLeft(this.#describe(present));
  }

  /** The changes to be told together, at the latest when the time for it is over. */
  #gather(): Gathering {
    this.#gathering ??= new Gathering(this.#clock, (due) => this.#tell(due));
    return this.#gathering;
  }

  #tell(gathering: Gathering): void {
    this.#gathering = null;
    const members = this.#members.size;
    const isNamed = members <= limits.listedMembersMax;
    const { joined, left } = isNamed ? gathering : { joined: [], left: [] };
    this.#listener.onPresence({ joined, left, members });
  }

  #describe({ id, name, joinedAt, connections }: Present): Member {
    const elsewhere = this.#elsewhere?.connectionsOf(id) ?? 0;
    return { id, name, joinedAt, connections: connections + elsewhere };
  }
}
