/** Several Partylines over one Redis, each a process of its own with its own way to Redis. */

import { FaultProxy } from "./fault-proxy.ts";
import { findFreePort } from "./free-port.ts";
import type { Place } from "./hop.ts";
import { eventually } from "./poll.ts";
import { fromSource, type Outcome, type RunningProgram, startProgram } from "./program.ts";
import { RedisServer, type RedisServerOptions } from "./redis-server.ts";
import { createTemporaryFolder, type TemporaryFolder } from "./temporary-folder.ts";
import { audience, createToken, tokenSecret } from "./tokens.ts";

/** A node that was killed starts again even where Redis is down for a while. */
const startMsMax = 60_000;
const names = ["anna", "bert", "cleo", "dora"];

/** How a node is parted from Redis. */
export type Partition =
  /** Connections are reset, and new ones too. */
  | "refused"
  /** Nothing passes any more, and nobody is told. */
  | "dark"
  /** Nothing passes until it heals, and then all of it comes late. */
  | "held";

export interface ClusterOptions {
  /** 3 where it is left out. */
  readonly nodes?: number;
  /** AOF with `always` where it is left out: with `everysec` even a kill may lose what was stored last. */
  readonly redis?: RedisServerOptions;
  /** A second Redis that follows the first; the nodes know both. */
  readonly hasReplica?: boolean;
  /** More flags for each node. */
  readonly flags?: readonly string[];
}

/** One node. Its port stays its own over all its starts. */
export class ClusterNode implements Place, Disposable {
  readonly name: string;
  readonly url: string;
  /** Its ways to the Redises, in the order in which it knows them. */
  readonly ways: readonly FaultProxy[];
  /** What its processes said before they ended. */
  readonly outcomes: Outcome[] = [];
  readonly #command: readonly string[];
  readonly #folder: TemporaryFolder = createTemporaryFolder();
  #program: RunningProgram | null = null;

  constructor(name: string, redises: readonly RedisServer[], flags: readonly string[]) {
    const port = findFreePort();
    this.name = name;
    this.url = `http://127.0.0.1:${port}`;
    this.ways = redises.map((redis) => new FaultProxy(redis.port));
    const addresses = this.ways.map((way) => way.url.replace("http", "redis")).join(",");
    const place = ["--port", String(port), "--data", this.#folder.path];
    const people = ["--token-secret", tokenSecret, "--token-audience", audience];
    const access = ["--anonymous", "write", "--log-level", "warn"];
    const pace = ["messages-per-second", "publishes-per-second", "rooms-per-hour"];
    const bounds = [...pace, "connections-per-address", "connections-per-user"];
    const boundless = bounds.flatMap((key) => [`--${key}`, "0"]);
    const leaving = ["--drain-window", "1s", "--drain-timeout", "5s"];
    const log = redises.length === 0 ? [] : ["--redis", addresses];
    const all = [...place, ...people, ...access, ...boundless, ...leaving, ...log];
    this.#command = [...fromSource, ...all, "--retention-messages", "0", ...flags];
  }

  get isUp(): boolean {
    return this.#program !== null;
  }

  /** Starts it, again and again until it stays up. */
  async start(): Promise<void> {
    this.#program = await eventually(
      `${this.name} starts`,
      () =>
        startProgram(this.#command, this.#folder.path).catch(({ message }: Error) => {
          this.outcomes.push({ code: 1, out: "", err: message });
          return Bun.sleep(200).then(() => null);
        }),
      startMsMax,
    );
  }

  /** Ends it as a crash would (SIGKILL). */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Ends it as an operator would (SIGTERM), and resolves when it is gone. */
  drain(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** Lets it hang (SIGSTOP). */
  pause(): void {
    this.#program?.process.kill("SIGSTOP");
  }

  /** Ends that. */
  resume(): void {
    this.#program?.process.kill("SIGCONT");
  }

  /** Parts it from Redis, until `rejoin`. */
  part(how: Partition): void {
    for (const way of this.ways) {
      way.faults.isRefusing = how === "refused";
      way.faults.isDark = how !== "refused";
      if (how === "refused") way.cut();
      else if (how === "dark") way.kill();
      else way.hold();
    }
  }

  /** Lets it reach Redis again. What was cut or dark stays so; what was held comes now. */
  rejoin(): void {
    for (const way of this.ways) way.heal();
  }

  /** Resolves when it says that it is ready. */
  async ready(deadlineMs = 20_000): Promise<void> {
    const ask = () =>
      fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(1_000) }).then(
        ({ ok }) => ok,
        () => false,
      );
    await eventually(`${this.name} is ready`, ask, deadlineMs);
  }

  [Symbol.dispose](): void {
    this.#program?.[Symbol.dispose]();
    for (const way of this.ways) way[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const program = this.#program;
    this.#program = null;
    if (program !== null) this.outcomes.push(await program.end(signal));
  }
}

/** The nodes and their Redis. Ends with its `await using` block, with all that belongs to it. */
export class Cluster implements AsyncDisposable {
  /** The Redises in the order in which the nodes know them: the master, and its replica if there is one. */
  readonly redises: readonly RedisServer[];
  readonly nodes: readonly ClusterNode[];

  private constructor(redises: readonly RedisServer[], nodes: readonly ClusterNode[]) {
    this.redises = redises;
    this.nodes = nodes;
  }

  /** Starts Redis, and then all nodes at once. Resolves when all are ready. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const { nodes = 3, redis = {}, hasReplica = false, flags = [] } = options;
    const kept = { appendonly: true, appendfsync: "always", ...redis } as const;
    const master = await RedisServer.start(kept);
    const redises = [master];
    if (hasReplica) redises.push(await RedisServer.start({ ...kept, replicaOf: master }));
    const all = names.slice(0, nodes).map((name) => new ClusterNode(name, redises, flags));
    const cluster = new Cluster(redises, all);
    try {
      await Promise.all(all.map((node) => node.start()));
      await Promise.all(all.map((node) => node.ready()));
    } catch (thrown) {
      await cluster[Symbol.asyncDispose]();
      throw thrown;
    }
    return cluster;
  }

  /** The Redis that the nodes know first. */
  get redis(): RedisServer {
    const [redis] = this.redises;
    if (redis === undefined) throw new Error("There is no Redis.");
    return redis;
  }

  /** A node by its number, from 0 on. */
  node(number: number): ClusterNode {
    const node = this.nodes[number];
    if (node === undefined) throw new Error(`There is no node ${number}.`);
    return node;
  }

  /** Signs a token of a user who may do everything but administrate. */
  static token(user: string): Promise<string> {
    const rooms = { "*": ["read", "write", "presence"] };
    return createToken({ sub: user, name: user, rooms });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) node[Symbol.dispose]();
    for (const redis of this.redises) await redis[Symbol.asyncDispose]();
  }
}
