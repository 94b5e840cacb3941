/** From a publish on one node to its delivery on another, against one node with both. */

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { type Child, startChild } from "./child.ts";
import { startNodes } from "./nodes.ts";
import { counted, createTally, openSocket, toFrame } from "./raw-socket.ts";
import { type Finding, median, present } from "./report.ts";

const room = "latency";
const content = "x".repeat(100);
const message = toFrame({ type: "message", room, content });
const join = toFrame({ type: "join", room });
const samplesOfRound = 200;
const rounds = 9;
/** Between two publishes, so that each finds everybody at rest, unless others publish beside it. */
const pauseMs = 2;
const addedMsMax = 3;
const busyRoom = "busy";
const busyMs = 10;
/** 1,000 messages a second of somebody else, at the node that is published at. */
const busyTurn = Buffer.concat(
  Array.from({ length: 10 }, () => toFrame({ type: "message", room: busyRoom, content })),
);

interface Pair {
  /** Milliseconds of one publish from its sending to its arrival. */
  readonly publish: () => Promise<number>;
  /** Publishes a turn beside it. */
  readonly disturb: () => void;
}

/** Compares the pairs round by round, so that what else the machine does falls on all of them. */
export async function clusterLatency(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  using sqlite = await startChild("partyline-server.ts", { config: { data: folder.path } });
  await using cluster = await startNodes(2);
  const [first, second = first] = cluster.nodes;
  const pairs = [
    { name: "one node on SQLite", pair: await enter(sqlite, sqlite) },
    { name: "one node over Redis", pair: await enter(first, first) },
    { name: "from one node to another", pair: await enter(first, second) },
  ];
  const findings: Finding[] = [];
  for (const isBusy of [false, true]) {
    const all = pairs.map((): number[] => []);
    for (let round = 0; round <= rounds; round += 1) {
      for (const [index, { pair }] of pairs.entries()) {
        const samples = await measure(pair, isBusy);
        if (round > 0) all[index]?.push(...samples); // the first round warms up
      }
    }
    const beside = isBusy ? ", beside 1,000 messages a second" : "";
    for (const [index, { name }] of pairs.entries()) {
      const isBound = index === pairs.length - 1;
      findings.push(toFinding(`${name}${beside}`, all[index] ?? [], all[0] ?? [], isBound));
    }
  }
  return findings;
}

function toFinding(
  name: string,
  own: readonly number[],
  base: readonly number[],
  isBound: boolean,
): Finding {
  const added = median(own) - median(base);
  const more = own === base ? "" : `, ${added.toFixed(2)} ms more at p50`;
  return {
    what: `publish to delivery, ${name}`,
    target: isBound ? `≤ ${addedMsMax} ms more at p50` : "",
    measured: `p50 ${at(own, 0.5).toFixed(2)} ms, p99 ${at(own, 0.99).toFixed(2)} ms${more}`,
    isMet: isBound ? added <= addedMsMax : null,
  };
}

/** A publisher at one node and a reader at another. */
async function enter(from: Child, to: Child): Promise<Pair> {
  const own = createTally();
  const publisher = await openSocket(from.port, "/ws", own);
  publisher.write(join);
  const other = createTally();
  const busy = await openSocket(from.port, "/ws", other);
  busy.write(toFrame({ type: "join", room: busyRoom }));
  const tally = createTally();
  const reader = await openSocket(to.port, "/ws", tally);
  reader.write(join);
  for (const each of [own, other, tally]) await counted(each, () => each.joins === 1);
  return {
    async publish() {
      const due = tally.messages + 1;
      const sentAt = performance.now();
      publisher.write(message);
      await counted(tally, () => tally.messages >= due);
      return performance.now() - sentAt;
    },
    disturb: () => busy.write(busyTurn),
  };
}

async function measure({ publish, disturb }: Pair, isBusy: boolean): Promise<number[]> {
  const timer = isBusy ? setInterval(disturb, busyMs) : undefined;
  const samples: number[] = [];
  for (let sample = 0; sample < samplesOfRound; sample += 1) {
    samples.push(await publish());
    await Bun.sleep(pauseMs);
  }
  clearInterval(timer);
  return samples;
}

function at(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
}

if (import.meta.main) await present([clusterLatency]);
