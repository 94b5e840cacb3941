/** Tells the other nodes who is here, gathered and in order. */

import type { Clock } from "../hub/ports.ts";
import type { RedisLink } from "./redis-link.ts";
import { encodePresenceNews } from "./redis-peer-news.ts";
import { type PeerRoom, type Telling, toArguments } from "./redis-peer-room.ts";
import { tellScript } from "./redis-peer-scripts.ts";

export interface PeerTellerOptions {
  readonly link: RedisLink;
  readonly clock: Clock;
  /** Numbers this node's calls. */
  readonly nextCall: () => number;
  /** How long what is to be told is gathered. */
  readonly gatherMs: number;
  /** Called when there is something to tell, and it was gathered. */
  readonly onDue: () => void;
  /** Called for a room of which nothing more is to be told. */
  readonly onTold: (room: PeerRoom) => void;
}

/** Users, and rooms, that are told of in one piece. */
const usersMax = 500;

/** `close` stops its alarm; it may be called twice. */
export class PeerTeller {
  readonly #options: PeerTellerOptions;
  /** Of these something is to be told. */
  readonly #rooms = new Set<PeerRoom>();
  #cancelGather: (() => void) | null = null;

  /** True once what there is was gathered for long enough. */
  isDue = false;

  constructor(options: PeerTellerOptions) {
    this.#options = options;
  }

  /** True when there is nothing to tell. */
  get isEmpty(): boolean {
    return this.#rooms.size === 0;
  }

  /** Has what is to be told of a room told before long. */
  add(room: PeerRoom): void {
    this.#rooms.add(room);
    const { clock, gatherMs, onDue } = this.#options;
    this.#cancelGather ??= clock.after(gatherMs, () => {
      this.#cancelGather = null;
      this.isDue = true;
      onDue();
    });
  }

  /**
   * Tells some of it. Resolves to false when nothing was told because this node has no lease.
   * @throws unavailable; then it is still to be told
   */
  async tell(): Promise<boolean> {
    const { link, nextCall, onTold } = this.#options;
    const { node, prefix } = link;
    const args: string[] = [];
    let version = 0;
    const tellings: [PeerRoom, Telling][] = [];
    let users = 0;
    for (const room of this.#rooms) {
      if (users === usersMax || tellings.length === usersMax) break;
      const telling = room.take(usersMax - users);
      if (telling === null) {
        this.#rooms.delete(room);
        onTold(room);
        continue;
      }
      users += telling.shares.length + telling.gone.length;
      tellings.push([room, telling]);
      version = nextCall();
      const text = encodePresenceNews({ node, version, ...telling });
      args.push(...toArguments(room.name, version, text, telling));
    }
    this.isDue = this.#rooms.size > 0;
    if (tellings.length === 0) return true;
    let isTold = false;
    try {
      isTold = (await link.evaluate(tellScript, [], [prefix, node, `${version}`, ...args])) === 1;
    } finally {
      if (!isTold) this.#takeBack(tellings);
    }
    return isTold;
  }

  close(): void {
    this.#cancelGather?.();
  }

  #takeBack(tellings: readonly [PeerRoom, Telling][]): void {
    this.isDue = true;
    for (const [room, telling] of tellings) {
      room.putBack(telling);
      this.#rooms.add(room);
    }
  }
}
