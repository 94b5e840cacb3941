/** Three nodes over one Redis, under load and faults: what clients were told is held to the promises. */

import { expect, test } from "bun:test";
import { Chance } from "../support/chance.ts";
import { Cluster } from "../support/cluster.ts";
import { type ClusterFaultName, emptyRedis, inflict } from "../support/cluster-faults.ts";
import { ClusterLoad, type LoadOptions } from "../support/cluster-load.ts";
import { checkHistory } from "../support/history-checker.ts";
import { eventually } from "../support/poll.ts";
import { findSystemProgram } from "../support/system-program.ts";

const isPossible = findSystemProgram("redis") !== null;
const testMsMax = 120_000;
/** Such as `PARTYLINE_TEST_SEED=7`: the same clients in the same order, as far as time allows. */
const seed = Number(process.env.PARTYLINE_TEST_SEED ?? Math.floor(Math.random() * 1e6));

const faults: readonly ClusterFaultName[] = [
  "a node is killed",
  "Redis is killed",
  "a node is parted from Redis in silence",
  "a node's way to Redis is held up",
  "Redis hangs",
  "all nodes are restarted in turn",
];

/** Begins a load on a cluster. */
function begin(cluster: Cluster, more: Partial<LoadOptions> = {}): Promise<ClusterLoad> {
  return ClusterLoad.start({
    places: cluster.nodes,
    seed,
    rooms: ["hall", "yard", "roof"],
    writers: 5,
    readerSets: 2,
    restMsMax: 60,
    stayMsMax: 1_500,
    ...more,
  });
}

/** What was broken, in sentences. */
async function finish(load: ClusterLoad): Promise<string[]> {
  const broken = checkHistory(await load.finish());
  return broken.slice(0, 20).map(({ rule, text }) => `${rule}: ${text}`);
}

test.concurrent.if(isPossible)(
  "nothing is lost, doubled or out of order while nodes and Redis fail in turn",
  async () => {
    // A node that this machine stalls for a lease is told as gone, with good reason.
    await using cluster = await Cluster.start({ flags: ["--redis-lease", "6s"] });
    const load = await begin(cluster);
    const chance = new Chance(seed);
    for (const fault of faults) {
      await inflict(fault, cluster, chance);
      await Bun.sleep(300);
    }
    // However slow the machine is: the load goes on until there was something to check.
    const isEnough = () =>
      load.acknowledged > 500 &&
      load.deliveries > 3_000 &&
      load.users.every(({ hops }) => hops > 10);
    await eventually("a load worth checking", isEnough, 40_000);
    expect(await finish(load), `PARTYLINE_TEST_SEED=${seed}`).toEqual([]);
  },
  testMsMax,
);

test.concurrent.if(isPossible)(
  "every gap is told, and is true, while Redis is emptied and rooms are trimmed",
  async () => {
    // An empty Redis knows nobody: a node that stalls for a lease before it has told anew flickers.
    const flags = ["--redis-lease", "6s", "--retention-messages", "32"];
    await using cluster = await Cluster.start({ flags });
    // Some stay away for longer than their room remembers.
    const load = await begin(cluster, { mayTrim: true, restMsMax: 30, awayMsMax: 3_000 });
    const chance = new Chance(seed);
    await Bun.sleep(1_500);
    await emptyRedis(cluster, load.losses);
    await inflict("a node is parted from Redis by resets", cluster, chance);
    await emptyRedis(cluster, load.losses);
    await inflict("Redis is killed", cluster, chance);
    await Bun.sleep(1_500);
    const isEnough = () =>
      (load.gaps.get("reset") ?? 0) > 20 && (load.gaps.get("trimmed") ?? 0) > 5;
    await eventually("gaps of both kinds", isEnough, 40_000);
    expect(await finish(load), `PARTYLINE_TEST_SEED=${seed}`).toEqual([]);
  },
  testMsMax,
);
