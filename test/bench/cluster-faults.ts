/**
 * Three nodes over one Redis for ten minutes, under clients that go from node to node: nodes and Redis
 * are killed in turn, and between that hang, are cut off and restarted. All that clients were told is
 * held to the promises. `bun test/bench/cluster-faults.ts --minutes 10 --seed 1`; exit code 1 when
 * anything is missing, doubled, out of order or untrue. With `--appendfsync everysec` messages may be
 * lost where Redis is killed, but never without a word.
 */

import { parseArgs } from "node:util";
import { Chance } from "../support/chance.ts";
import { Cluster } from "../support/cluster.ts";
import { type ClusterFaultName, clusterFaults, inflict } from "../support/cluster-faults.ts";
import { ClusterLoad } from "../support/cluster-load.ts";
import type { PublishTry } from "../support/history.ts";
import { checkHistory, checkReaders, rules, type Violation } from "../support/history-checker.ts";
import { count, type Finding, median, present } from "./report.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e6)) },
    appendfsync: { type: "string", default: "always" },
    json: { type: "boolean" },
  },
});
const runMs = Number(values.minutes) * 60_000;
const seed = Number(values.seed);
const appendfsync = values.appendfsync === "everysec" ? "everysec" : "always";
const progressMs = 30_000;
/** Milliseconds between the end of one fault and the next, at most as many again. */
const quietMs = 1_000;
const settleMsMax = 60_000;
const kills: readonly ClusterFaultName[] = ["a node is killed", "Redis is killed"];
const others = (Object.keys(clusterFaults) as ClusterFaultName[]).filter(
  (name) => !kills.includes(name),
);

/** What was done, and when, by the clock that what is broken is told by. */
interface Inflicted {
  readonly name: ClusterFaultName;
  readonly beganAt: number;
  readonly endedAt: number;
  /** Milliseconds from the end of the fault until all nodes were ready. */
  readonly readyMs: number;
}

/** Runs, and holds what was told to the promises. */
export async function faultsUnderLoad(): Promise<readonly Finding[]> {
  await using cluster = await Cluster.start({
    redis: { appendfsync },
    flags: ["--redis-lease", "4s"],
  });
  const load = await ClusterLoad.start({
    places: cluster.nodes,
    seed,
    rooms: ["hall", "yard", "roof", "shed"],
    writers: 6,
    readerSets: 2,
    restMsMax: 60,
    stayMsMax: 4_000,
  });
  process.stderr.write(`seed ${seed}, ${values.minutes} minutes, appendfsync ${appendfsync}\n`);
  const inflicted: Inflicted[] = [];
  const startedAt = performance.now();
  const progress = setInterval(() => tellProgress(load, inflicted, startedAt), progressMs);
  try {
    await inflictInTurn(cluster, load, inflicted, startedAt + runMs);
  } finally {
    clearInterval(progress);
  }
  const history = await load.finish(settleMsMax);
  const broken = checkHistory(history);
  if (broken.length > 0) explain(broken, inflicted, cluster);
  const promises = rules.map((rule): Finding => {
    const found = broken.filter((each) => each.rule === rule).length;
    return { what: `broken: ${rule}`, target: "0", measured: count(found), isMet: found === 0 };
  });
  return [...describeLoad(load), ...describeFaults(inflicted), ...promises];
}

/** A node, Redis, something else, and again, until it is over. */
async function inflictInTurn(
  cluster: Cluster,
  load: ClusterLoad,
  inflicted: Inflicted[],
  endsAt: number,
) {
  const chance = new Chance(seed);
  for (let turn = 0; performance.now() < endsAt; turn += 1) {
    const name = turn % 3 < 2 ? kills[turn % 3] : others[chance.below(others.length)];
    if (name === undefined) continue;
    const beganAt = performance.now();
    if (mayLose(name)) load.losses.push(beganAt);
    const readyMs = await inflict(name, cluster, chance);
    const endedAt = performance.now();
    if (mayLose(name)) load.losses.push(endedAt);
    inflicted.push({ name, beganAt, endedAt, readyMs });
    await Bun.sleep(quietMs + chance.below(quietMs));
  }
}

/**
 * While a Redis with `everysec` syncs its file it answers before it has written: what was acknowledged
 * then may be gone after a kill. That must be told by a gap.
 */
function mayLose(name: ClusterFaultName): boolean {
  return appendfsync === "everysec" && name.includes("killed") && name.includes("Redis");
}

function tellProgress(load: ClusterLoad, inflicted: Inflicted[], startedAt: number): void {
  const broken = checkReaders(load.soFar);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const numbers = [
    `${inflicted.length} faults`,
    `${count(load.acknowledged)} acknowledged`,
    `${count(load.deliveries)} told`,
    `${count(load.hops)} hops`,
    `${broken.length} broken`,
  ];
  process.stderr.write(`${String(seconds).padStart(4)} s  ${numbers.join(", ")}\n`);
  for (const { rule, text } of broken.slice(0, 5)) process.stderr.write(`  ${rule}: ${text}\n`);
}

/** Tells all that may explain what was broken. */
function explain(broken: readonly Violation[], inflicted: readonly Inflicted[], cluster: Cluster) {
  for (const { rule, text } of broken.slice(0, 50)) process.stderr.write(`  ${rule}: ${text}\n`);
  for (const { name, beganAt, endedAt, readyMs } of inflicted) {
    const times = [beganAt, endedAt - readyMs, endedAt].map((at) => at.toFixed(0)).join(" to ");
    process.stderr.write(`  ${times} ms: ${name}\n`);
  }
  for (const { name, outcomes } of cluster.nodes) {
    for (const { err } of outcomes) process.stderr.write(`${name}: ${err}\n`);
  }
}

function describeLoad(load: ClusterLoad): Finding[] {
  const waits = acknowledgementWaits(load.tries);
  const watched = load.users.flatMap(({ histories }) => histories.flatMap(({ events }) => events));
  const refused = [...load.refusals].map(([code, times]) => `${count(times)} ${code}`);
  const rows: [string, string][] = [
    ["messages acknowledged; tries", `${count(load.acknowledged)}; ${count(load.tries.length)}`],
    ["messages told to readers", count(load.deliveries)],
    ["gaps told to readers", [...load.gaps].map((each) => each.join(" ")).join(", ") || "none"],
    ["changes of node, by readers and tabs", count(load.hops)],
    ["lists and changes of who is there", count(watched.length)],
    ["refused or unanswered", refused.join(", ")],
    [
      "from first try to acknowledgement, ms",
      `p50 ${count(median(waits))}, max ${count(Math.max(...waits))}`,
    ],
  ];
  return rows.map(([what, measured]) => ({ what, target: "", measured, isMet: null }));
}

function describeFaults(inflicted: readonly Inflicted[]): Finding[] {
  return [...Map.groupBy(inflicted, ({ name }) => name)].map(([what, each]) => {
    const waits = each.map(({ readyMs }) => readyMs);
    const ready = `ready after p50 ${count(median(waits))}, max ${count(Math.max(...waits))} ms`;
    return { what, target: "", measured: `${each.length} times; ${ready}`, isMet: null };
  });
}

/** Milliseconds from the first try of each message to its first acknowledgement. */
function acknowledgementWaits(tries: readonly PublishTry[]): number[] {
  const waits: number[] = [];
  const byMessage = Map.groupBy(tries, ({ room, id }) => `${room} ${id}`);
  for (const same of byMessage.values()) {
    const begun = Math.min(...same.map(({ calledAt }) => calledAt));
    const given = same.filter(({ acknowledgement }) => acknowledgement !== null);
    if (given.length > 0) waits.push(Math.min(...given.map((each) => each.returnedAt)) - begun);
  }
  return waits.toSorted((a, b) => a - b);
}

if (import.meta.main) await present([faultsUnderLoad]);
