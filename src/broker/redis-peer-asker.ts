/** Asks who is in rooms on the other nodes, and hears what they tell from then on. */

import type { Clock, PeersListener } from "../hub/ports.ts";
import { askCrowds } from "./redis-crowds.ts";
import type { RedisLink } from "./redis-link.ts";
import type { PeerLease } from "./redis-peer-lease.ts";
import { decodeNews, type NodeCrowd, nodeOf } from "./redis-peer-news.ts";
import type { PeerRoom } from "./redis-peer-room.ts";

export interface PeerAskerOptions {
  readonly link: RedisLink;
  readonly clock: Clock;
  /** Called when something is to be asked again. */
  readonly onDue: () => void;
  /** Hears of each node that is heard of, and knows which may be there besides. */
  readonly lease: Pick<PeerLease, "meet" | "awaits">;
  /** Hears of defects, and of what no node tells. */
  readonly onFailure: (thrown: unknown) => void;
}

/** Rooms asked about in one piece. */
const askMax = 100;
/**
 * How often it is asked again who is in a room that somebody waits for, while that cannot be asked or nodes
 * tell everything anew, as all do after Redis was away: who joins then would be shown half of the members.
 */
const patience = { timesMax: 10, everyMs: 50 } as const;
const nobody: ReadonlyMap<string, NodeCrowd> = new Map();

export class PeerAsker {
  readonly #options: PeerAskerOptions;
  readonly #rooms = new Set<PeerRoom>();
  /** To be asked about again once one of these nodes has told everything. */
  readonly #doubtful = new Map<PeerRoom, readonly string[]>();
  /** Null before there is somebody who wants to hear it. */
  listener: PeersListener | null = null;

  constructor(options: PeerAskerOptions) {
    this.#options = options;
  }

  /** True when there is nothing to ask. */
  get isEmpty(): boolean {
    return this.#rooms.size === 0;
  }

  /** Names the channel on which nodes tell of a room. */
  channelOf(room: string): string {
    return `${this.#options.link.prefix}:p:${room}`;
  }

  /** Has a room asked about. */
  add(room: PeerRoom): void {
    this.#rooms.add(room);
  }

  /** Has those asked about again of which nodes have told everything that had not by the last answer. */
  addDoubtful(settled: ReadonlySet<string>): void {
    for (const [room, nodes] of this.#doubtful) {
      if (nodes.some((node) => settled.has(node))) this.#rooms.add(room);
    }
    this.#options.onDue();
  }

  /** Ends the hearing of a room. */
  remove(room: PeerRoom): void {
    this.#rooms.delete(room);
    this.#doubtful.delete(room);
    room.close();
    if (room.isSubscribed) this.#options.link.unsubscribe(this.channelOf(room.name));
    room.isSubscribed = false;
    room.tellMet();
  }

  /** Asks about some rooms. @throws unavailable; then they are still to be asked about */
  async ask(): Promise<void> {
    const { link, lease } = this.#options;
    const rooms = [...this.#rooms].slice(0, askMax);
    let isSettling = false;
    for (const room of rooms) this.#rooms.delete(room);
    try {
      await Promise.all(rooms.map((room) => this.#subscribe(room)));
      for (const room of rooms) room.ask();
      const names = rooms.map(({ name }) => name);
      const { settled, settling, crowds } = await askCrowds(link, names, link.node);
      for (const room of rooms.splice(crowds.length)) if (room.isListened) this.#rooms.add(room);
      const others = settling.difference(new Set([link.node]));
      isSettling = others.size > 0 || lease.awaits(settled.union(settling));
      for (const [index, room] of rooms.entries()) {
        this.#meet(room, crowds[index] ?? nobody, settled);
      }
    } catch (thrown) {
      isSettling = true; // what breaks a link for a moment may be what others have to recover from
      for (const room of rooms) {
        room.giveUp();
        if (room.isListened) this.#rooms.add(room);
      }
      throw thrown;
    } finally {
      for (const room of rooms) {
        if (isSettling && room.onMet.length > 0) this.askLater(room);
        else room.tellMet();
      }
    }
  }

  /** Has a room that is waited for asked about again soon, unless that was done often enough. */
  askLater(room: PeerRoom): void {
    const { link, clock, onDue } = this.#options;
    if (room.inVain === patience.timesMax) return room.tellMet();
    room.inVain += 1;
    clock.after(patience.everyMs, () => {
      if (room.onMet.length === 0) return; // it was met, or left, meanwhile
      if (link.run === "") return this.askLater(room);
      this.#rooms.add(room);
      onDue();
    });
  }

  #meet(
    room: PeerRoom,
    crowds: ReadonlyMap<string, NodeCrowd>,
    settled: ReadonlySet<string>,
  ): void {
    for (const node of crowds.keys()) this.#options.lease.meet(node);
    if (!room.isListened || this.listener === null) return;
    const doubted = room.meet(crowds, settled, this.listener);
    if (doubted.length > 0) this.#doubtful.set(room, doubted);
    else this.#doubtful.delete(room);
  }

  async #subscribe(room: PeerRoom): Promise<void> {
    if (room.isSubscribed) return;
    const channel = this.channelOf(room.name);
    await this.#options.link.subscribe(channel, (text) => this.#hear(room, text));
    room.isSubscribed = room.isListened;
    if (!room.isListened) this.#options.link.unsubscribe(channel); // it was closed meanwhile
  }

  #hear(room: PeerRoom, text: string): void {
    const { link, lease, onFailure } = this.#options;
    if (this.listener === null || !room.isListened || nodeOf(text) === link.node) return;
    try {
      const news = decodeNews(text);
      lease.meet(news.node);
      if (news.kind === "presence") room.hear(news, this.listener);
      else this.listener.onSignal(room.name, news.from, news.body);
    } catch (thrown) {
      onFailure(thrown); // whoever may publish in this Redis may publish anything
    }
  }
}
