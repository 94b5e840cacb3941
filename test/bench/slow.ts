/** One gigabyte is published while some do not read: what they cost the server and the others. */

import { readFileSync } from "node:fs";
import { Client } from "../support/client.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, startProgram } from "../support/program.ts";
import { Tcp, toFrame } from "../support/tcp.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { type Finding, median, present } from "./report.ts";

const room = "general";
const contentBytes = 65_536;
const aheadMax = 8;
const warmMessages = 3_200; // 200 MiB
const messages = 16_384; // 1 GiB
const rssGrowthMax = 64 * 1_048_576;
/** With some readers fresh in each, and some time without before. */
const rounds = 8;
const delayGrowthMsMax = 5;
const mib = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;

/** Readers that stop reading, over both transports, under both rules. */
export async function slow(): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const rule of ["cut", "drop-to-latest"]) findings.push(...(await attempt(rule)));
  return findings;
}

async function attempt(rule: string): Promise<Finding[]> {
  using folder = createTemporaryFolder();
  const options = ["--durability", "memory", "--retention-bytes", "1MiB", "--slow-reader", rule];
  const limits = ["--port", "0", "--messages-per-second", "0", "--log-level", "warn"];
  const command = [...fromSource, "serve", ...options, ...limits];
  using program = await startProgram(command, folder.path);
  const { url } = program;
  const readRss = () => rssOf(program.process.pid);
  const writer = await Writer.open(url);
  await writer.publish(warmMessages);
  const before = readRss();
  let highest = 0;
  const watch = setInterval(() => {
    highest = Math.max(highest, readRss());
  }, 20);
  const startedAt = performance.now();
  const delays: { calm: number[]; busy: number[] } = { calm: [], busy: [] };
  const remaining = rule === "cut" ? 0 : 2;
  let strays = 0;
  let news = "gap and newest";
  writer.takeDelay();
  for (let round = 0; round < rounds; round += 1) {
    await writer.publish(messages / rounds / 4);
    delays.calm.push(writer.takeDelay());
    using slowSocket = await stopReading(url, "socket");
    using slowStream = await stopReading(url, "stream");
    await writer.publish((messages / rounds / 4) * 3);
    delays.busy.push(writer.takeDelay());
    strays += await countStrays(url, remaining);
    if (rule !== "cut") news = await readOn([slowSocket, slowStream], writer.published);
  }
  clearInterval(watch);
  const seconds = (performance.now() - startedAt) / 1_000;
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const counted = [...metrics.matchAll(/^partyline_slow_readers_total\S* (\d+)$/gm)];
  const cut = counted.reduce((sum, [, number]) => sum + Number(number), 0);
  writer.close();
  const found = (what: string, target: string, measured: string, isMet: boolean | null) => {
    return { what: `${rule}: ${what}`, target, measured, isMet };
  };
  const growth = highest - before;
  const [calm, busy] = [median(delays.calm), median(delays.busy)];
  const slowCount = (2 - remaining) * rounds;
  return [
    found("1 GiB published, and read by whoever reads", "", `in ${seconds.toFixed(1)} s`, null),
    found("growth of memory", `≤ ${mib(rssGrowthMax)}`, mib(growth), growth <= rssGrowthMax),
    found(
      "delay to those who read, without / with slow ones",
      `≤ ${delayGrowthMsMax} ms or half as much more`,
      `${calm.toFixed(1)} / ${busy.toFixed(1)} ms`,
      busy - calm <= Math.max(delayGrowthMsMax, calm / 2),
    ),
    found(`of ${2 * rounds} that stopped, not treated so`, "0", `${strays}`, strays === 0),
    found("slow readers counted", `${slowCount}`, String(cut), cut === slowCount),
    ...(rule === "cut"
      ? []
      : [found("then read on", "gap and newest", news, news === "gap and newest")]),
  ];
}

/** How many of the readers that stopped are there or gone against the rule. */
async function countStrays(url: string, remaining: number): Promise<number> {
  let others = 0;
  await eventually("the slow ones to be cut", async () => {
    const { memberCount, observers } = await (await fetch(`${url}/rooms/${room}/members`)).json();
    others = memberCount + observers - 1; // the writer reads, too
    return others === remaining;
  }).catch(() => {});
  return Math.abs(others - remaining);
}

/** Publishes and reads on one connection, a few messages ahead of itself. */
class Writer {
  readonly #client: Client;
  readonly #sentAt: number[] = [];
  #received = 0;
  #delays: number[] = [];

  private constructor(client: Client) {
    this.#client = client;
    client.socket.addEventListener("message", ({ data }) => {
      client.frames.length = 0;
      if (!String(data).startsWith('{"type":"message"')) return;
      this.#delays.push(performance.now() - (this.#sentAt[this.#received] ?? 0));
      this.#received += 1;
    });
  }

  static async open(url: string): Promise<Writer> {
    const client = new Client(`${url.replace("http", "ws")}/ws`);
    await client.next("welcome");
    await client.join(room);
    return new Writer(client);
  }

  async publish(count: number): Promise<void> {
    const frame = JSON.stringify({ type: "message", room, content: "x".repeat(contentBytes) });
    const end = this.#sentAt.length + count;
    while (this.#received < end) {
      while (this.#sentAt.length < end && this.#sentAt.length - this.#received < aheadMax) {
        this.#sentAt.push(performance.now());
        this.#client.socket.send(frame);
      }
      if (this.#client.closed !== null) throw new Error("The writer was cut.");
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  get published(): number {
    return this.#received;
  }

  /** The 95th percentile of the delays since the last time this was asked, in milliseconds. */
  takeDelay(): number {
    const sorted = this.#delays.sort((a, b) => a - b);
    this.#delays = [];
    return sorted[Math.floor(sorted.length * 0.95)] ?? 0;
  }

  close(): void {
    this.#client.close();
  }
}

/** Opens a reader, which takes no byte any more once it stands in the room. */
async function stopReading(url: string, kind: "socket" | "stream"): Promise<Tcp> {
  const tcp = new Tcp(Number(new URL(url).port));
  if (kind === "socket") {
    tcp.upgrade("/ws", "Upgrade: websocket", "Connection: Upgrade");
    await tcp.match(/welcome/);
    tcp.write(toFrame(1, Buffer.from(JSON.stringify({ type: "join", room }))));
    await tcp.match(/"joined"/);
  } else {
    tcp.request(`GET /rooms/${room}/events HTTP/1.1`);
    await tcp.match(/\nid: /);
  }
  tcp.socket.pause();
  return tcp;
}

/** Reads again, and tells what came in the end. */
async function readOn(readers: readonly Tcp[], newest: number): Promise<string> {
  for (const tcp of readers) {
    tcp.socket.resume();
    const text = await eventually("the newest", () => {
      return tcp.text.includes(`:${newest}","id"`) ? tcp.text : null;
    }).catch(() => "");
    const gap = /"type":"gap".*?"to":"\w+:(\d+)"/.exec(text)?.[1];
    if (Number(gap) !== newest - 1) return `a gap to ${gap}`;
  }
  return "gap and newest";
}

function rssOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

if (import.meta.main) await present([slow]);
