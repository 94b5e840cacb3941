/** Nodes that tell each other of rooms over one Redis, and what each of them has heard. */

import { parseRedisAddresses } from "../../src/broker/redis-address.ts";
import type { RedisLink } from "../../src/broker/redis-link.ts";
import { RedisPeers } from "../../src/broker/redis-peers.ts";
import { createRedisLink } from "../../src/broker/redis-reconnection.ts";
import { Presence, type PresenceChange } from "../../src/hub/presence.ts";
import { systemClock } from "../../src/opening.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { join, part } from "./redis-ways.ts";

/** What may differ from a lease of a second. */
export interface PeerNodeOptions {
  readonly leaseMs?: number;
  readonly goodbyeMs?: number;
  readonly graceMs?: number;
  readonly silenceMsMax?: number;
}

/** One room as a node sees it. */
interface Seen {
  readonly presence: Presence;
  readonly told: PresenceChange[];
}

/** One node: its link, its peers, and a presence for each room that it listens to. */
export class PeerNode {
  readonly way: FaultProxy;
  readonly link: RedisLink;
  readonly peers: RedisPeers;
  readonly failures: unknown[] = [];
  readonly signals: unknown[] = [];
  /** How often it heard of shares. */
  heard = 0;
  readonly #rooms = new Map<string, Seen>();

  private constructor(port: number, options: PeerNodeOptions) {
    const { leaseMs = 1_000, goodbyeMs = 500, graceMs = 300, silenceMsMax = 3_000 } = options;
    this.way = new FaultProxy(port);
    const addresses = parseRedisAddresses(`redis://127.0.0.1:${this.way.port}`);
    if (addresses === undefined) throw new Error("No address of a Redis.");
    const clock = systemClock;
    const checkMs = silenceMsMax / 6;
    const onFailure = (thrown: unknown) => this.failures.push(thrown);
    this.link = createRedisLink({
      addresses,
      prefix: "p",
      clock,
      checkMs,
      silenceMsMax,
      onFailure,
    });
    this.peers = new RedisPeers({
      ...{ link: this.link, clock, leaseMs, goodbyeMs, graceMs, onFailure },
    });
  }

  /** Starts one that reaches Redis through a proxy of its own. */
  static async start(port: number, options: PeerNodeOptions = {}): Promise<PeerNode> {
    const node = new PeerNode(port, options);
    await node.peers.start({
      onCrowd: (room, ...news) => node.#seen(room)?.presence.hearAll(...news),
      onShares: (room, ...news) => {
        node.heard += 1;
        node.#seen(room)?.presence.hear(...news);
      },
      onObservers: (room, ...news) => node.#seen(room)?.presence.hearObservers(...news),
      onSignal: (...signal) => node.signals.push(signal),
    });
    await node.link.start();
    return node;
  }

  /** Opens a room as a hub does. */
  async open(room: string): Promise<Presence> {
    const told: PresenceChange[] = [];
    const listener = { onPresence: (change: PresenceChange) => told.push(change), onDeserted() {} };
    const { peers } = this;
    const outside = {
      get isBlind() {
        return peers.isBlind;
      },
      share: (share: Parameters<RedisPeers["share"]>[1]) => this.peers.share(room, share),
      unshare: (user: string) => this.peers.unshare(room, user),
    };
    const presence = new Presence(systemClock, listener, outside);
    this.#rooms.set(room, { presence, told });
    await this.peers.listen(room);
    return presence;
  }

  /** Closes it as a hub does. */
  leave(room: string): void {
    this.#rooms.get(room)?.presence.close();
    this.#rooms.delete(room);
    this.peers.unlisten(room);
  }

  /** The ids of the members of a room, in the order of the alphabet. */
  members(room: string): string {
    const members = this.#seen(room)?.presence.list() ?? [];
    return members
      .map(({ id }) => id)
      .sort()
      .join();
  }

  /** Who was told to have left a room. */
  left(room: string): string[] {
    return (this.#seen(room)?.told ?? []).flatMap(({ left }) => left.map(({ id }) => id));
  }

  /** Cuts its way to Redis until `join`. */
  async part(): Promise<void> {
    await part(this.way, this.link);
  }

  async join(): Promise<void> {
    await join(this.way, this.link);
  }

  /** Ends it as a crash does: no word to anybody. */
  async die(): Promise<void> {
    for (const { presence } of this.#rooms.values()) presence.close();
    await this.link.close();
    await this.peers.close();
    this.way[Symbol.dispose]();
  }

  async close(): Promise<void> {
    for (const { presence } of this.#rooms.values()) presence.close();
    await this.peers.close();
    await this.link.close();
    this.way[Symbol.dispose]();
  }

  #seen(room: string): Seen | undefined {
    return this.#rooms.get(room);
  }
}
