/** Who is in which room: of rooms that are open here at once, of others as the other nodes say. */

import type { Member } from "../protocol/frame.ts";
import { isSystemRoom } from "../protocol/room-name.ts";
import type { Crowd, Headcount, Peers } from "./ports.ts";
import { Presence } from "./presence.ts";
import type { Room } from "./room.ts";

/** The first members of a room, how many there are, and how many read without being members. */
export interface Roster {
  readonly members: readonly Member[];
  readonly memberCount: number;
  readonly observers: number;
}

const nobody: Headcount = { members: 0, observers: 0 };

/** Other nodes that do not answer are left out: then it is told what is known here. */
export class Attendance {
  readonly #rooms: ReadonlyMap<string, Room>;
  readonly #peers: Peers | null;

  constructor(rooms: ReadonlyMap<string, Room>, peers: Peers | null) {
    this.#rooms = rooms;
    this.#peers = peers;
  }

  /** The members of a room. It waits only for a room that is not open here. */
  of(name: string): Roster | Promise<Roster> {
    const room = this.#rooms.get(name);
    if (room !== undefined) {
      const { presence, observerCount: observers } = room;
      return { members: presence.list(), memberCount: presence.count, observers };
    }
    const empty = { members: [], memberCount: 0, observers: 0 };
    if (this.#peers === null || isSystemRoom(name)) return empty;
    return this.#peers.crowd(name).then(toRoster, () => empty);
  }

  /** Counts who is in each of several rooms. */
  async count(names: readonly string[]): Promise<Map<string, Headcount>> {
    const counted = new Map<string, Headcount>();
    const others: string[] = [];
    for (const name of names) {
      const room = this.#rooms.get(name);
      const members = room?.presence.count ?? 0;
      counted.set(name, room === undefined ? nobody : { members, observers: room.observerCount });
      if (room === undefined && !isSystemRoom(name)) others.push(name);
    }
    if (this.#peers === null || others.length === 0) return counted;
    const told = await this.#peers.headcounts(others).catch(() => []);
    for (const [index, name] of others.entries()) counted.set(name, told[index] ?? nobody);
    return counted;
  }

  /** Lists rooms that somebody is in on another node, by name above `after`, at most `roomsMax`. */
  async elsewhere(after: string, roomsMax: number): Promise<readonly string[]> {
    return (await this.#peers?.rooms(after, roomsMax).catch(() => [])) ?? [];
  }
}

/** Counts each user once, as a room does that is open here. */
function toRoster({ shares, observers }: Crowd): Roster {
  const timeless = { now: () => 0, after: () => () => {} };
  const presence = new Presence(timeless, { onPresence() {}, onDeserted() {} });
  for (const [index, share] of shares.entries()) presence.hear(`${index}`, [share], []);
  return { members: presence.list(), memberCount: presence.count, observers };
}
