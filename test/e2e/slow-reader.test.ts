import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { Client } from "../support/client.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, startProgram } from "../support/program.ts";
import { ReaderLog } from "../support/reader-log.ts";
import { Tcp, toFrame } from "../support/tcp.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { overEventStream, overWebSocket } from "../support/transports.ts";

const room = "general";
const contentLength = 65_536;
const aheadMax = 16;
const warmUp = 800; // 50 MiB
const measured = 3_200; // 200 MiB
const rssGrowthMax = 64 * 1_048_576;

/** The memory a process has in use, in bytes. */
function rssOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

/** The files that a process has open, connections included. */
function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Publishes over one connection, a few messages ahead of the slowest of those who read. */
async function publishMany(
  writer: Client,
  logs: readonly ReaderLog[],
  count: number,
): Promise<void> {
  const content = "x".repeat(contentLength);
  const [{ received: before } = { received: 0 }] = logs;
  for (let sent = 1; sent <= count; sent += 1) {
    writer.send({ type: "message", room, content });
    if (sent % aheadMax !== 0 && sent !== count) continue;
    await eventually("the readers", () => {
      return logs.every(({ received, failure }) => received === before + sent || failure !== null);
    });
    writer.frames.length = 0; // it hears itself, which would fill the test's own memory
  }
}

test.skipIf(process.platform !== "linux")(
  "who stops reading is cut, costs no memory, and delays nobody",
  async () => {
    using folder = createTemporaryFolder();
    const options = ["--port", "0", "--durability", "memory", "--retention-bytes", "1MiB"];
    options.push("--messages-per-second", "0"); // as fast as it goes
    using program = await startProgram([...fromSource, "serve", ...options], folder.path);
    const { url, process: server } = program;
    const port = Number(new URL(url).port);

    const abort = new AbortController();
    const logs = [new ReaderLog("WebSocket"), new ReaderLog("SSE")];
    const readers = [overWebSocket, overEventStream].map(({ visit }, index) =>
      visit(url, room, logs[index] as ReaderLog, abort.signal),
    );
    await eventually("the readers", () => logs.every(({ offset }) => offset !== null));
    const writer = new Client(`${url.replace("http", "ws")}/ws`);
    await writer.next("welcome");
    await writer.join(room);
    await publishMany(writer, logs, warmUp);
    await (await fetch(`${url}/livez`)).text(); // its connection is kept for those below
    const before = rssOf(server.pid);
    const descriptors = countDescriptors(server.pid);

    using slowSocket = new Tcp(port);
    slowSocket.upgrade("/ws", "Upgrade: websocket", "Connection: Upgrade");
    await slowSocket.match(/welcome/);
    slowSocket.write(toFrame(1, Buffer.from(JSON.stringify({ type: "join", room }))));
    await slowSocket.match(/joined/);
    slowSocket.socket.pause();
    using slowStream = new Tcp(port);
    slowStream.request(`GET /rooms/${room}/events HTTP/1.1`);
    await slowStream.match(/\nid: /);
    slowStream.socket.pause();

    let highest = 0;
    const watch = setInterval(() => {
      highest = Math.max(highest, rssOf(server.pid));
    }, 20);
    await publishMany(writer, logs, measured);
    clearInterval(watch);

    expect(logs.map(({ failure }) => failure)).toEqual([null, null]);
    expect(logs.flatMap(({ gaps }) => gaps)).toEqual([]);
    await eventually("the slow ones to be cut", async () => {
      const { memberCount, observers } = await (await fetch(`${url}/rooms/${room}/members`)).json();
      return memberCount === 2 && observers === 1;
    });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    for (const transport of ["websocket", "sse"]) {
      expect(metrics).toContain(`partyline_slow_readers_total{transport="${transport}"} 1\n`);
    }
    expect(highest - before).toBeLessThan(rssGrowthMax);
    await eventually(
      "the connections of the slow ones to be closed",
      () => {
        return countDescriptors(server.pid) <= descriptors;
      },
      30_000,
    );
    abort.abort();
    await Promise.all(readers);
    writer.close();
  },
  60_000,
);
