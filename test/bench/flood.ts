/** More than a server is made for: connections all at once, readers that do not read, endless bodies. */

import { readFileSync } from "node:fs";
import type { Socket } from "bun";
import { eventually } from "../support/poll.ts";
import { fromSource, type RunningProgram, startProgram } from "../support/program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { handshake, toFrame } from "./raw-socket.ts";
import { count, type Finding, present } from "./report.ts";
import { SteadyPublisher } from "./steady-publisher.ts";

const arrivals = 10_000;
const arrivalMs = 5_000;
const roomsMax = 100;
const rssPerConnectionMax = 20_480;
const sluggards = 150;
const memoryMax = 536_870_912;
const rssMax = memoryMax * 1.25;
const slowBodies = 1_000;
const bodyBytes = 1_000_000;
const bodyRssGrowthMax = (slowBodies * bodyBytes) / 2;
const mib = (bytes: number) => `${(bytes / 1_048_576).toFixed(0)} MiB`;

async function start(folder: string, ...options: string[]): Promise<RunningProgram> {
  const open = ["--connections-per-address", "0", "--rooms-per-hour", "0"];
  const paces = ["--messages-per-second", "0", "--publishes-per-second", "0"];
  const common = ["--port", "0", "--log-level", "warn", ...open, ...paces];
  return startProgram([...fromSource, "serve", ...common, ...options], folder);
}

/** Watches the memory of a server and whether it still answers, until `stop`. */
class Watch {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #url: string;
  highest = 0;
  slowestMs = 0;
  readonly reasons = new Set<string>();

  constructor({ url, process: { pid } }: RunningProgram) {
    this.#url = url;
    this.#timer = setInterval(() => {
      this.highest = Math.max(this.highest, rssOf(pid));
      if (Math.random() < 0.1) void this.#ask();
    }, 20);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    const askedAt = performance.now();
    const { reason } = await (await fetch(`${this.#url}/readyz`, { keepalive: false })).json();
    this.slowestMs = Math.max(this.slowestMs, performance.now() - askedAt);
    if (reason !== undefined) this.reasons.add(reason);
  }
}

/** A socket of which nothing is looked at but whether it was let in. */
function arrive(port: number, room: string, isReading: boolean, onIn: () => void): Promise<Socket> {
  let isIn = false;
  return Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(handshake(port, "/ws")),
      data(socket, data) {
        if (isIn) return;
        isIn = true;
        if (data.toString("latin1", 9, 12) === "101") onIn();
        socket.write(toFrame({ type: "join", room }));
        if (!isReading) socket.pause();
      },
      error() {},
    },
  });
}

/** Ten thousand come in five seconds, and half of them never read. */
export async function connectionFlood(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  using program = await start(folder.path);
  const port = Number(new URL(program.url).port);
  const rooms = Array.from({ length: roomsMax }, (_, index) => `room-${index}`);
  const publisher = new SteadyPublisher(port, rooms, 100);
  await publisher.start();
  await Bun.sleep(1_000);
  const before = rssOf(program.process.pid);
  const watch = new Watch(program);
  let letIn = 0;
  const began = performance.now();
  const sockets: Promise<Socket>[] = [];
  while (sockets.length < arrivals) {
    const due = ((performance.now() - began) / arrivalMs) * arrivals;
    while (sockets.length < Math.min(arrivals, due)) {
      const room = rooms[sockets.length % roomsMax] ?? "";
      sockets.push(arrive(port, room, sockets.length % 2 === 0, () => (letIn += 1)));
    }
    await Bun.sleep(5);
  }
  await eventually("all to be let in", () => letIn === arrivals, 30_000).catch(() => {});
  const inMs = performance.now() - began;
  await Bun.sleep(5_000);
  await publisher.stop();
  watch.stop();
  const sorted = publisher.latencies.toSorted((a, b) => a - b);
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  const lost = await countLost(program.url, rooms, publisher);
  for (const socket of await Promise.all(sockets)) socket.terminate();
  const growth = (watch.highest - before) / arrivals;
  return [
    {
      what: `${count(arrivals)} connections in 5 s, half never reading: let in`,
      target: count(arrivals),
      measured: `${count(letIn)} after ${(inMs / 1_000).toFixed(1)} s`,
      isMet: letIn === arrivals,
    },
    {
      what: "memory for each",
      target: `≤ ${rssPerConnectionMax / 1_024} KiB`,
      measured: `${(growth / 1_024).toFixed(1)} KiB (${mib(watch.highest)} in all)`,
      isMet: growth <= rssPerConnectionMax,
    },
    {
      what: "publishes meanwhile, acknowledged and lost",
      target: "0",
      measured: `${lost} of ${count(publisher.acknowledged.size)}, p99 ${p99.toFixed(0)} ms`,
      isMet: lost === 0,
    },
    {
      what: "slowest answer of /readyz",
      target: "≤ 2000 ms",
      measured: `${watch.slowestMs.toFixed(0)} ms`,
      isMet: watch.slowestMs <= 2_000,
    },
  ];
}

/** Readers that do not read hold more than the server may have. */
export async function memoryFlood(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  const options = ["--memory-max", String(memoryMax), "--queue-bytes-max", "64MiB"];
  using program = await start(folder.path, "--retention-bytes", "8MiB", ...options);
  const { url } = program;
  const port = Number(new URL(url).port);
  let letIn = 0;
  const sockets = await Promise.all(
    Array.from({ length: sluggards }, () => arrive(port, "room", false, () => (letIn += 1))),
  );
  await eventually("all to be let in", () => letIn === sluggards);
  const publisher = new SteadyPublisher(port, ["room"], 30, 65_536);
  const watch = new Watch(program);
  await publisher.start();
  await Bun.sleep(8_000);
  await publisher.stop();
  for (const socket of sockets) socket.terminate();
  const calm = await eventually(
    "the end of the overload",
    async () => {
      const { status } = await fetch(`${url}/rooms/room/messages?limit=1`);
      const ready = await fetch(`${url}/readyz`);
      return status === 200 && ready.status === 200;
    },
    30_000,
  ).catch(() => false);
  watch.stop();
  const stored = new Set<string>();
  for (let before = "end"; stored.size < 100; ) {
    const page = await (await fetch(`${url}/rooms/room/messages?before=${before}`)).json();
    for (const { id } of page.messages) stored.add(id);
    before = page.messages[0].position;
  }
  const newest = [...publisher.acknowledged.keys()].slice(-50);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const cut = /^partyline_slow_readers_total\{transport="websocket"\} (\d+)$/m.exec(metrics)?.[1];
  return [
    {
      what: `memory with ${sluggards} readers that do not read, queues of 64 MiB`,
      target: `≤ ${mib(rssMax)}, with memory-max ${mib(memoryMax)}`,
      measured: mib(watch.highest),
      isMet: watch.highest <= rssMax && watch.highest > memoryMax * 0.9,
    },
    {
      what: "of them cut",
      target: "",
      measured: `${cut}; refused: ${JSON.stringify(Object.fromEntries(publisher.refusals))}`,
      isMet: null,
    },
    {
      what: "the newest acknowledged messages that are stored",
      target: "50",
      measured: String(newest.filter((id) => stored.has(id)).length),
      isMet: newest.length === 50 && newest.every((id) => stored.has(id)),
    },
    { what: "recovers", target: "ready", measured: calm ? "ready" : "not", isMet: calm === true },
  ];
}

/** Bodies that never end. */
export async function bodyFlood(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  using program = await start(folder.path);
  const { url } = program;
  const port = Number(new URL(url).port);
  await (await fetch(`${url}/rooms/room/messages`, { method: "POST", body: "warm" })).text();
  const before = rssOf(program.process.pid);
  const watch = new Watch(program);
  const answers: string[] = [];
  const head = `POST /rooms/room/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${bodyBytes}\r\n\r\n`;
  const body = Buffer.alloc(bodyBytes - 1, 0x78);
  const sockets = await Promise.all(
    Array.from({ length: slowBodies }, () =>
      openBody(port, Buffer.concat([Buffer.from(head), body]), answers),
    ),
  );
  await eventually("some refusals", () => answers.length >= slowBodies / 2, 20_000).catch(() => {});
  let small = 0;
  for (let index = 0; index < 20; index += 1) {
    const init = { method: "POST", body: "x".repeat(1_000) };
    const { status } = await fetch(`${url}/rooms/room/messages`, init);
    if (status === 201) small += 1;
  }
  watch.stop();
  const refused = answers.filter((answer) => answer.includes('"code":"unavailable"')).length;
  for (const socket of sockets) socket.terminate();
  const growth = watch.highest - before;
  return [
    {
      what: `${slowBodies} bodies of 1 MB that never end: memory`,
      target: `≤ ${mib(bodyRssGrowthMax)} more`,
      measured: `${mib(growth)} more, ${refused} refused`,
      isMet: growth <= bodyRssGrowthMax && refused > 0,
    },
    { what: "small publishes meanwhile", target: "20", measured: `${small}`, isMet: small === 20 },
  ];
}

async function openBody(port: number, bytes: Buffer, answers: string[]): Promise<Socket> {
  let unsent = bytes;
  const push = (socket: Socket) => {
    unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
  };
  return Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: push,
      drain: push,
      data: (_, data) => void answers.push(data.toString("latin1")),
      error() {},
    },
  });
}

async function countLost(
  url: string,
  rooms: readonly string[],
  { acknowledged }: SteadyPublisher,
): Promise<number> {
  const stored = new Set<string>();
  for (const room of rooms) {
    const path = `/rooms/${room}/messages?since=start&limit=500`;
    const { messages } = await (await fetch(`${url}${path}`)).json();
    for (const { id } of messages) stored.add(id);
  }
  return [...acknowledged.keys()].filter((id) => !stored.has(id)).length;
}

function rssOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

if (import.meta.main) await present([connectionFlood, memoryFlood, bodyFlood]);
