/** Fan-out of two nodes over one Redis, against one node alone: 1,000 subscribers of one room. */

import type { RedisServer } from "../support/redis-server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { type Child, startChild } from "./child.ts";
import { assemble, type Contestant, deliver, describeBurst, room } from "./contestant.ts";
import { type Cost, measureCost, startNodes } from "./nodes.ts";
import { openSocket, toFrame } from "./raw-socket.ts";
import { count, type Finding, median, present, times } from "./report.ts";

const rounds = 7;
const ratioMin = 1.6;

/** Nodes with subscribers spread evenly over them, and a publisher at the first. */
interface Group {
  readonly nodes: readonly Child[];
  readonly redis: RedisServer | null;
  readonly contestant: Contestant;
}

/** Deliveries a second that a group could make if only its own processes had to run. */
interface Rates {
  /** With a core for each node, and one for Redis: the busiest of them is the bottleneck. */
  readonly ownCores: number;
  /** With two cores for all of them together. */
  readonly twoCores: number;
}

/**
 * What each process costs is measured as its own processor time, so the load generator's share is out
 * of it, wherever it ran. A process is one thread's work, so the same work in the busiest process's
 * time is what the group can do once nothing but it holds it up.
 */
export async function clusterFanout(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  using sqlite = await startChild("partyline-server.ts", { config: { data: folder.path } });
  await using single = await startNodes(1);
  await using pair = await startNodes(2);
  const alone = await gather([sqlite], null);
  const one = await gather(single.nodes, single.redis);
  const two = await gather(pair.nodes, pair.redis);
  const findings: Finding[] = [];
  for (const burst of [1, 10]) {
    const measured = { alone: [] as Rates[], one: [] as Rates[], two: [] as Rates[] };
    for (let round = 0; round < rounds; round += 1) {
      measured.alone.push(await measureRates(alone, burst));
      measured.one.push(await measureRates(one, burst));
      measured.two.push(await measureRates(two, burst));
    }
    findings.push(...compare(describeBurst(burst), measured));
  }
  return findings;
}

function gather(nodes: readonly [Child, ...Child[]], redis: RedisServer | null): Promise<Group> {
  const join = toFrame({ type: "join", room });
  const assembled = assemble(nodes[0], async (tally, index) => {
    const node = nodes[index % nodes.length] ?? nodes[0];
    (await openSocket(node.port, "/ws", tally)).write(join);
  });
  return assembled.then((contestant) => ({ nodes, redis, contestant }));
}

async function measureRates({ nodes, redis, contestant }: Group, burst: number): Promise<Rates> {
  let deliveries = 0;
  const cost = await measureCost(nodes, redis, async () => {
    deliveries = await deliver(contestant, burst);
  });
  return toRates(deliveries, cost);
}

function toRates(deliveries: number, { nodes, redis }: Cost): Rates {
  const sum = nodes.reduce((all, cpu) => all + cpu, redis);
  const busiest = Math.max(...nodes, redis);
  return {
    ownCores: (deliveries * 1e6) / busiest,
    twoCores: (deliveries * 1e6) / Math.max(busiest, sum / 2),
  };
}

function compare(
  burst: string,
  { alone, one, two }: Readonly<Record<"alone" | "one" | "two", readonly Rates[]>>,
): Finding[] {
  const against = (base: readonly Rates[], name: keyof Rates) => {
    return median(two.map((rates, round) => rates[name] / (base[round]?.ownCores ?? 0)));
  };
  const tell = (name: keyof Rates) => `${count(median(two.map((rates) => rates[name])))}/s`;
  const bare = count(median(alone.map(({ ownCores }) => ownCores)));
  const found = (what: string, name: keyof Rates, base: readonly Rates[], isBound: boolean) => {
    const ratio = against(base, name);
    return {
      what: `two nodes' fan-out, ${burst}, ${what}`,
      target: isBound ? `≥ ${times(ratioMin)}` : "",
      measured: `${times(ratio)}, ${tell(name)}`,
      isMet: isBound ? ratio >= ratioMin : null,
    };
  };
  return [
    {
      what: `one node's fan-out, ${burst}, SQLite / Redis`,
      target: "",
      measured: `${bare} / ${count(median(one.map(({ ownCores }) => ownCores)))}/s`,
      isMet: null,
    },
    found("to one on SQLite", "ownCores", alone, true),
    found("to one over Redis", "ownCores", one, true),
    found("with Redis on the same two cores, to one on SQLite", "twoCores", alone, false),
  ];
}

if (import.meta.main) await present([clusterFanout]);
