/** What one Redis carries: two nodes that publish into ten rooms, beside plain commands. */

import { resolve } from "node:path";
import { publish } from "../contract/broker-sharing.ts";
import { RedisNode, RedisNodes } from "../support/redis-nodes.ts";
import type { RedisServer } from "../support/redis-server.ts";
import type { PublisherOptions, PublisherReport } from "./redis-publisher.ts";
import { count, type Finding, median, present, times } from "./report.ts";

const publishersMax = 2;
const rateMin = 100_000;
const latencyMsMax = 1;
const windowMs = 4_000;
/** Of each kind, in turn, so that a noisy moment hits both. */
const windows = 3;
const latencySamples = 2_000;

interface Load {
  readonly perSecond: number;
  /** Messages for each second of processor time of Redis. */
  readonly perCpuSecond: number;
}

/** Messages stored a second, what they cost Redis, and the way of one to another node. */
export async function redisPublish(): Promise<readonly Finding[]> {
  await using redis = await RedisNodes.start();
  const scripts: Load[] = [];
  const commands: Load[] = [];
  for (let window = 0; window < windows; window += 1) {
    commands.push(await load(redis.server, "commands"));
    scripts.push(await load(redis.server, "scripts"));
  }
  const of = (loads: readonly Load[], key: keyof Load) => median(loads.map((one) => one[key]));
  const carried = of(scripts, "perCpuSecond");
  const plain = of(commands, "perCpuSecond");
  const shown = (loads: readonly Load[]) =>
    `${count(of(loads, "perCpuSecond"))}/CPU s of Redis, ${count(of(loads, "perSecond"))}/s here`;
  return [
    {
      what: `publish, ${publishersMax} nodes, 10 rooms, Redis, with retention at work`,
      target: `≥ ${count(rateMin)}/CPU s of Redis`,
      measured: shown(scripts),
      isMet: carried >= rateMin,
    },
    {
      what: "the same by plain pipelined XADD",
      target: "",
      measured: `${shown(commands)} (${times(carried / plain)} of it)`,
      isMet: null,
    },
    ...(await latency(redis)),
  ];
}

async function load(server: RedisServer, way: PublisherOptions["way"]): Promise<Load> {
  const cpuBefore = await cpuSeconds(server);
  const publishers = Array.from({ length: publishersMax }, (_, index) => {
    const options = { way, port: server.port, ms: windowMs, name: `${Date.now()}-${index}` };
    return report(options);
  });
  const reports = await Promise.all(publishers);
  const stored = reports.reduce((sum, one) => sum + one.stored, 0);
  return {
    perSecond: reports.reduce((sum, one) => sum + one.perSecond, 0),
    perCpuSecond: stored / ((await cpuSeconds(server)) - cpuBefore),
  };
}

async function report(options: PublisherOptions): Promise<PublisherReport> {
  const entry = resolve(import.meta.dir, "redis-publisher.ts");
  const child = Bun.spawn([process.execPath, entry, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(await new Response(child.stdout).text());
}

/** Processor time of the one thread of Redis that runs commands. */
async function cpuSeconds(server: RedisServer): Promise<number> {
  const info = String(await server.send("INFO", "cpu"));
  const parts = [...info.matchAll(/used_cpu_(?:user|sys)_main_thread:([\d.]+)/g)];
  return parts.reduce((sum, [, seconds]) => sum + Number(seconds), 0);
}

async function latency(redis: RedisNodes): Promise<readonly Finding[]> {
  const options = { prefix: redis.createPrefix(), isDirect: true };
  const create = () => new RedisNode(redis.server.port, options).start();
  const [writer, reader] = [await create(), await create()];
  const announced = { here: [] as number[], there: [] as number[] };
  for (const { broker } of [writer, reader]) await broker.listen("hall");
  for (let n = 1; n <= latencySamples; n += 1) {
    const startedAt = performance.now();
    const heard = reader.next().then(() => announced.there.push(performance.now() - startedAt));
    await publish(writer, "hall", `id-${n}`);
    announced.here.push(performance.now() - startedAt);
    await heard;
  }
  await Promise.all([writer.close(), reader.close()]);
  const ms = (list: readonly number[], part: number) =>
    (list.toSorted((a, b) => a - b)[Math.floor(list.length * part)] ?? 0).toFixed(2);
  return Object.entries(announced).map(([place, list]) => ({
    what: `publish → announced ${place === "here" ? "on its own node" : "on another node"}`,
    target: `p50 ≤ ${latencyMsMax} ms`,
    measured: `p50 ${ms(list, 0.5)} ms, p99 ${ms(list, 0.99)} ms`,
    isMet: median(list) <= latencyMsMax,
  }));
}

if (import.meta.main) await present([redisPublish]);
