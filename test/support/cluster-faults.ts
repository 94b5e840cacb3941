/** What can befall nodes and their Redis. Each fault is healed, and all nodes ready, when it is over. */

import type { Chance } from "./chance.ts";
import type { Cluster, ClusterNode, Partition } from "./cluster.ts";

/** Longer than a link to Redis waits before it holds Redis for dead. */
const silenceMs = 4_000;

/** Does one thing to a cluster, and undoes it. Resolves when all nodes are ready again. */
export type ClusterFault = (cluster: Cluster, chance: Chance) => Promise<void>;

/** All faults after which nothing may be missing. */
export const clusterFaults = {
  "a node is killed": async (cluster, chance) => {
    const node = pickNode(cluster, chance);
    await node.kill();
    await Bun.sleep(chance.below(1_500));
    await node.start();
  },
  "Redis is killed": async ({ redis }, chance) => {
    await redis.kill();
    await Bun.sleep(chance.below(2_500));
    await redis.restart();
  },
  "a node is parted from Redis by resets": (cluster, chance) => part(cluster, chance, "refused"),
  "a node is parted from Redis in silence": (cluster, chance) => part(cluster, chance, "dark"),
  "a node's way to Redis is held up": (cluster, chance) => part(cluster, chance, "held"),
  "Redis hangs": async ({ redis }, chance) => {
    redis.pause();
    await Bun.sleep(silenceMs + chance.below(1_000));
    redis.resume();
  },
  "Redis hangs for a moment": async ({ redis }, chance) => {
    redis.pause();
    await Bun.sleep(chance.below(2_000));
    redis.resume();
  },
  "a node hangs": async (cluster, chance) => {
    const node = pickNode(cluster, chance);
    node.pause();
    await Bun.sleep(silenceMs + chance.below(3_000));
    node.resume();
  },
  "a node leaves and comes back": async (cluster, chance) => {
    const node = pickNode(cluster, chance);
    await node.drain();
    await node.start();
  },
  "all nodes are restarted in turn": async ({ nodes }) => {
    for (const node of nodes) {
      await node.drain();
      await node.start();
      await node.ready();
    }
  },
  "Redis is restarted": async ({ redis }) => await redis.restart(),
  "a node and Redis are killed": async (cluster, chance) => {
    const node = pickNode(cluster, chance);
    await Promise.all([node.kill(), cluster.redis.kill()]);
    await Bun.sleep(chance.below(1_000));
    await Promise.all([cluster.redis.restart(), node.start()]);
  },
} as const satisfies Record<string, ClusterFault>;

/** The name of a fault. */
export type ClusterFaultName = keyof typeof clusterFaults;

/** Inflicts a fault. Resolves to how many milliseconds after its end all nodes were ready. */
export async function inflict(
  name: ClusterFaultName,
  cluster: Cluster,
  chance: Chance,
): Promise<number> {
  await clusterFaults[name](cluster, chance);
  const healedAt = performance.now();
  await Promise.all(cluster.nodes.map((node) => node.ready()));
  return performance.now() - healedAt;
}

/**
 * Empties Redis. Resolves when all nodes are ready again. `losses` is told when it was done: what was
 * acknowledged before is lost.
 */
export async function emptyRedis(cluster: Cluster, losses: number[]): Promise<void> {
  losses.push(performance.now());
  await cluster.redis.flush();
  losses.push(performance.now());
  await Promise.all(cluster.nodes.map((node) => node.ready()));
}

async function part(cluster: Cluster, chance: Chance, how: Partition): Promise<void> {
  const node = pickNode(cluster, chance);
  node.part(how);
  await Bun.sleep(chance.below(silenceMs + 2_000));
  node.rejoin();
}

function pickNode({ nodes }: Cluster, chance: Chance): ClusterNode {
  const node = nodes[chance.below(nodes.length)];
  if (node === undefined) throw new Error("There is no node.");
  return node;
}
