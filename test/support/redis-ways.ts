/** Links of nodes to one Redis, each by a way of its own that a test can cut. */

import { parseRedisAddresses } from "../../src/broker/redis-address.ts";
import type { RedisLink } from "../../src/broker/redis-link.ts";
import { createRedisLink } from "../../src/broker/redis-reconnection.ts";
import { systemClock } from "../../src/opening.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { eventually } from "./poll.ts";
import { RedisServer } from "./redis-server.ts";

/** Cuts the way of a link to Redis, until `join`. */
export async function part(way: FaultProxy, link: RedisLink): Promise<void> {
  way.faults.isRefusing = true;
  way.cut();
  await eventually("the link is down", () => link.health() !== null);
}

/** Ends that. */
export async function join(way: FaultProxy, link: RedisLink): Promise<void> {
  way.heal();
  await eventually("the link is up", () => link.health() === null);
}

/** One link, not started yet, so that parts can be made with it. Its node is under a lease. */
export class RedisWay implements AsyncDisposable {
  readonly link: RedisLink;
  readonly #server: RedisServer;
  readonly #proxy: FaultProxy;

  constructor(server: RedisServer, prefix: string) {
    this.#server = server;
    this.#proxy = new FaultProxy(server.port);
    const addresses = parseRedisAddresses(`redis://127.0.0.1:${this.#proxy.port}`);
    if (addresses === undefined) throw new Error("No address of a Redis.");
    this.link = createRedisLink({ addresses, prefix, clock: systemClock });
  }

  async start(): Promise<this> {
    const { prefix, node } = this.link;
    await this.#server.send("ZADD", `${prefix}:nodes`, `${Date.now() + 600_000}`, node);
    await this.link.start();
    return this;
  }

  /** Parts it from Redis. */
  async part(): Promise<void> {
    await part(this.#proxy, this.link);
  }

  /** Lets nothing through any more, until `join`, and nobody is told. */
  hold(): void {
    this.#proxy.hold();
  }

  /** Ends that. */
  async join(): Promise<void> {
    await join(this.#proxy, this.link);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link.close();
    this.#proxy[Symbol.dispose]();
  }
}

/** One Redis, and ways to it under fresh prefixes. */
export class RedisWays implements AsyncDisposable {
  readonly server: RedisServer;
  #prefixes = 0;

  private constructor(server: RedisServer) {
    this.server = server;
  }

  static async start(): Promise<RedisWays> {
    return new RedisWays(await RedisServer.start());
  }

  /** A prefix that nothing has been stored under. */
  createPrefix(): string {
    this.#prefixes += 1;
    return `test-${this.#prefixes}`;
  }

  /** Makes a way, which whoever asks for it closes. */
  open(prefix: string): RedisWay {
    return new RedisWay(this.server, prefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
