/** Nodes that share one Redis, each in a process of its own, and what each costs. */

import { RedisServer } from "../support/redis-server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { type Child, startChild } from "./child.ts";

/** Microseconds of processor time that some work took. */
export interface Cost {
  /** Of each node. */
  readonly nodes: readonly number[];
  readonly redis: number;
}

/** Nodes and their Redis; they end with the `await using` block. */
export interface Nodes extends AsyncDisposable {
  readonly nodes: readonly [Child, ...Child[]];
  readonly redis: RedisServer;
}

/** Starts some nodes over a Redis that writes to disk once a second. */
export async function startNodes(nodesMax: number): Promise<Nodes> {
  const parts = new AsyncDisposableStack();
  try {
    const redis = parts.use(await RedisServer.start({ appendonly: true }));
    const folder = parts.use(createTemporaryFolder());
    const start = async () => {
      const config = { data: folder.path, redis: redis.url };
      return parts.use(await startChild("partyline-server.ts", { config }));
    };
    const nodes: [Child, ...Child[]] = [await start()];
    while (nodes.length < nodesMax) nodes.push(await start());
    return { nodes, redis, [Symbol.asyncDispose]: () => parts.disposeAsync() };
  } catch (thrown) {
    await parts.disposeAsync();
    throw thrown;
  }
}

/** Measures what some work costs the nodes, and their Redis where there is one. */
export async function measureCost(
  nodes: readonly Child[],
  redis: RedisServer | null,
  work: () => Promise<void>,
): Promise<Cost> {
  const read = async () => ({
    nodes: await Promise.all(nodes.map((node) => node.ask("cpu"))),
    redis: redis === null ? 0 : await readRedisCpu(redis),
  });
  const before = await read();
  await work();
  const after = await read();
  return {
    nodes: after.nodes.map((cpu, index) => cpu - (before.nodes[index] ?? 0)),
    redis: after.redis - before.redis,
  };
}

/** Reads one number of what Redis tells about itself. */
export async function readRedisInfo(redis: RedisServer, name: string): Promise<number> {
  const info = String(await redis.send("INFO"));
  const found = new RegExp(`^${name}:([\\d.]+)`, "m").exec(info)?.[1];
  if (found === undefined) throw new Error(`Redis tells no ${name}.`);
  return Number(found);
}

/** Microseconds of all of its threads. */
async function readRedisCpu(redis: RedisServer): Promise<number> {
  const user = await readRedisInfo(redis, "used_cpu_user");
  return Math.round((user + (await readRedisInfo(redis, "used_cpu_sys"))) * 1e6);
}
