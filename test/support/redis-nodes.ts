/** Nodes that share the log in one Redis, and what each of them hears. */

import { RedisBroker } from "../../src/broker/redis.ts";
import { parseRedisAddresses } from "../../src/broker/redis-address.ts";
import type { RedisLink } from "../../src/broker/redis-link.ts";
import { createRedisLink } from "../../src/broker/redis-reconnection.ts";
import type { Message } from "../../src/hub/message.ts";
import type { Clock, Retention } from "../../src/hub/ports.ts";
import { systemClock } from "../../src/opening.ts";
import type { Position } from "../../src/protocol/position.ts";
import type { OpenedBroker } from "../contract/broker-scene.ts";
import type { SharingNode } from "../contract/broker-sharing.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { RedisServer, type RedisServerOptions } from "./redis-server.ts";
import { join, part } from "./redis-ways.ts";

interface NodeOptions {
  readonly prefix: string;
  /** How long Redis may not answer; 3,000 where left out. */
  readonly silenceMsMax?: number;
  /** Without the proxy that `part` needs: for measurements. */
  readonly isDirect?: boolean;
  readonly retention?: Retention;
  readonly clock?: Clock;
  readonly replicas?: number;
}

/** One node: its link, its broker, and what that announced, in order. */
export class RedisNode implements SharingNode {
  /** Its way to Redis. */
  readonly way: FaultProxy;
  readonly link: RedisLink;
  readonly broker: RedisBroker;
  readonly announced: Message[] = [];
  readonly moves: { readonly room: string; readonly to: Position }[] = [];
  readonly forgotten: string[] = [];
  #onAnnounce = () => {};

  constructor(port: number, options: NodeOptions) {
    const { prefix, retention, clock, replicas = 0, silenceMsMax = 3_000 } = options;
    this.way = new FaultProxy(port);
    const entrance = options.isDirect === true ? port : this.way.port;
    const addresses = parseRedisAddresses(`redis://127.0.0.1:${entrance}`);
    if (addresses === undefined) throw new Error(`No address of a Redis: ${entrance}`);
    const checkMs = silenceMsMax / 6;
    this.link = createRedisLink({ addresses, prefix, clock: systemClock, checkMs, silenceMsMax });
    this.broker = new RedisBroker({
      link: this.link,
      retention: retention ?? { messagesMax: 0, ageMsMax: 0, bytesMax: 0 },
      clock: clock ?? systemClock,
      replicas,
    });
  }

  /** Begins to note what it hears. */
  async start(): Promise<this> {
    await this.link.start();
    await this.broker.start({
      announce: (messages) => {
        this.announced.push(...messages);
        this.#onAnnounce();
      },
      moved: (room, to) => this.moves.push({ room, to }),
      forgotten: (room) => this.forgotten.push(room),
    });
    return this;
  }

  /** Resolves when it announces something. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnnounce = resolve;
    });
  }

  /** The offsets of a room as they were announced. */
  offsets(room: string): number[] {
    return this.announced.filter((message) => message.room === room).map(({ offset }) => offset);
  }

  async part(): Promise<void> {
    await part(this.way, this.link);
  }

  async join(): Promise<void> {
    await join(this.way, this.link);
  }

  async close(): Promise<void> {
    await this.broker.close();
    await this.link.close();
    this.way[Symbol.dispose]();
  }
}

/** One Redis, and nodes on fresh prefixes of it. */
export class RedisNodes implements AsyncDisposable {
  readonly server: RedisServer;
  readonly #nodes: RedisNode[] = [];
  #prefixes = 0;

  private constructor(server: RedisServer) {
    this.server = server;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisNodes> {
    return new RedisNodes(await RedisServer.start(options));
  }

  /** Starts a Redis that has what this one has. Whoever starts it disposes of it. */
  startReplica(): Promise<RedisServer> {
    return RedisServer.start({ replicaOf: this.server });
  }

  /** A prefix that nothing has been stored under. */
  createPrefix(): string {
    this.#prefixes += 1;
    return `test-${this.#prefixes}`;
  }

  /** Starts a node; it is closed with all others, at the latest. */
  async open(options: NodeOptions): Promise<RedisNode> {
    const node = await new RedisNode(this.server.port, options).start();
    this.#nodes.push(node);
    return node;
  }

  /** Opens a broker that is alone on its prefix, as the contract's suite asks for it. */
  async openAlone(options: Omit<NodeOptions, "prefix">): Promise<OpenedBroker> {
    const prefix = this.createPrefix();
    const create = async () => {
      const node = new RedisNode(this.server.port, { ...options, prefix });
      await node.link.start(); // the suite starts the broker
      return node;
    };
    let node = await create();
    return {
      broker: node.broker,
      reopen: async () => {
        await node.close();
        node = await create();
        return node.broker;
      },
      close: () => node.close(),
    };
  }

  /** Opens two nodes on a fresh prefix. */
  async openPair(options: Omit<NodeOptions, "prefix">) {
    const prefix = this.createPrefix();
    const nodes = [
      await this.open({ ...options, prefix }),
      await this.open({ ...options, prefix }),
    ] as const;
    return {
      nodes,
      prefix,
      [Symbol.asyncDispose]: async () => {
        await Promise.all(nodes.map((node) => node.close()));
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()));
    await this.server[Symbol.asyncDispose]();
  }
}
