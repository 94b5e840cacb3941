/** Who is in a room: users made of connections, and their comings and goings gathered in time. */

import type { Member, Sender } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import type { Clock } from "./ports.ts";

/** What changed in at most `presenceGatherMs`. Above `listedMembersMax` members nobody is named. */
export interface PresenceChange {
  readonly joined: readonly Member[];
  readonly left: readonly Member[];
  readonly members: number;
}

/** Hears of changes, and of the moment when the last member is gone. */
export interface PresenceListener {
  onPresence(change: PresenceChange): void;
  onDeserted(): void;
}

interface Present extends Sender {
  name: string;
  joinedAt: number;
  connections: number;
  cancelGrace: (() => void) | null;
}

interface Changes {
  readonly joined: Map<string, Member>;
  readonly left: Map<string, Member>;
}

/** The members of one room. `close` stops its timers; it may be called twice. */
export class Presence {
  readonly #clock: Clock;
  readonly #listener: PresenceListener;
  readonly #members = new Map<string, Present>();
  /** Who joined and who left since the last frame; null in the long times when nobody does. */
  #changes: Changes | null = null;
  #cancelGather: (() => void) | null = null;
  /** What `list` returns, or null when it must be made anew. */
  #listed: readonly Member[] | null = null;

  constructor(clock: Clock, listener: PresenceListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Members, those within their grace included. */
  get count(): number {
    return this.#members.size;
  }

  /** Tells whether a user is a member. */
  has(id: string): boolean {
    return this.#members.has(id);
  }

  /** The first `listedMembersMax` members, oldest first. The same array until something changes. */
  list(): readonly Member[] {
    if (this.#listed !== null) return this.#listed;
    const listed: Member[] = [];
    for (const present of this.#members.values()) {
      if (listed.length === limits.listedMembersMax) break;
      listed.push(describe(present));
    }
    this.#listed = listed;
    return listed;
  }

  /** Counts one more connection of a user. The newest name given is the one shown. */
  add({ id, name }: Sender): void {
    const present = this.#members.get(id);
    if (present === undefined) {
      const joinedAt = this.#clock.now();
      const added: Present = { id, name, joinedAt, connections: 1, cancelGrace: null };
      // Whoever comes after those listed does not change the list: thousands may join at once.
      if (this.#members.size < limits.listedMembersMax) this.#listed = null;
      this.#members.set(id, added);
      this.#noteJoined(added);
      return;
    }
    this.#listed = null;
    present.connections += 1;
    present.cancelGrace?.();
    present.cancelGrace = null;
    this.#rename(present, name);
  }

  /** Shows another name for a user who is a member; ignored for anybody else. */
  rename({ id, name }: Sender): void {
    const present = this.#members.get(id);
    if (present !== undefined) this.#rename(present, name);
  }

  /** Counts one connection of a user as another's, or shows another name for the same user. */
  replace(id: string, user: Sender): void {
    if (id === user.id) return this.rename(user);
    if (!this.#members.has(id)) return;
    this.add(user); // first, so that the room is not deserted in between
    this.remove(id, false);
  }

  /**
   * Counts one connection less. A user who was cut off, and who can come back under the same id,
   * stays a member for `presenceGraceMs`, so that a reconnect is not seen by the others.
   */
  remove(id: string, wasCut: boolean): void {
    const present = this.#members.get(id);
    if (present === undefined) return;
    this.#listed = null;
    present.connections -= 1;
    if (present.connections > 0) return;
    const isAnonymous = id.charCodeAt(0) === 0x7e; // "~": the next connection gets another id
    if (!wasCut || isAnonymous) return this.#drop(present);
    present.cancelGrace = this.#clock.after(limits.presenceGraceMs, () => this.#drop(present));
  }

  close(): void {
    this.#cancelGather?.();
    this.#cancelGather = null;
    for (const present of this.#members.values()) present.cancelGrace?.();
  }

  #rename(present: Present, name: string): void {
    if (present.name === name) return;
    this.#listed = null;
    present.name = name;
    this.#noteJoined(present);
  }

  #drop(present: Present): void {
    this.#listed = null;
    this.#members.delete(present.id);
    const { joined, left } = this.#gather();
    joined.delete(present.id);
    // Told even of whoever came and went within one gathering: somebody who joined in between has
    // read of them in the list of members.
    left.set(present.id, describe(present));
    if (this.#members.size === 0) this.#listener.onDeserted();
  }

  #noteJoined(present: Present): void {
    const { joined, left } = this.#gather();
    left.delete(present.id);
    joined.set(present.id, describe(present));
  }

  /** The changes to be told together, at the latest when the time for it is over. */
  #gather(): Changes {
    this.#cancelGather ??= this.#clock.after(limits.presenceGatherMs, () => this.#tell());
    this.#changes ??= { joined: new Map(), left: new Map() };
    return this.#changes;
  }

  #tell(): void {
    const changes = this.#changes;
    this.#cancelGather = null;
    this.#changes = null;
    if (changes === null) return;
    const isNamed = this.#members.size <= limits.listedMembersMax;
    const joined = isNamed ? [...changes.joined.values()] : [];
    const left = isNamed ? [...changes.left.values()] : [];
    this.#listener.onPresence({ joined, left, members: this.#members.size });
  }
}

function describe({ id, name, joinedAt, connections }: Present): Member {
  return { id, name, joinedAt, connections };
}
