import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { join } from "node:path";
import { connect } from "../../src/client/index.ts";
import { Client } from "../support/client.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, runProgram } from "../support/program.ts";
import { RedisServer } from "../support/redis-server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { WorkersProgram } from "../support/workers-program.ts";

// Each starts a handful of processes, which takes seconds where others want the cores, too.
setDefaultTimeout(120_000);

const count = 2;
const clientsMax = 40;

const hasRedis = findSystemProgram("redis") !== null;

let redis: RedisServer;
let folder: TemporaryFolder;
let prefixes = 0;

beforeAll(async () => {
  if (hasRedis) redis = await RedisServer.start({ appendonly: true });
});
afterAll(async () => await redis?.[Symbol.asyncDispose]());
beforeEach(() => {
  folder = createTemporaryFolder();
  prefixes += 1;
});
afterEach(() => folder[Symbol.dispose]());

function toFlags(...more: string[]): string[] {
  const rooms = ["--redis", redis.url, "--redis-prefix", `test-${prefixes}`];
  return [...rooms, "--workers", `${count}`, "--port", "0", "--log-format", "json", ...more];
}

function start(...more: string[]): Promise<WorkersProgram> {
  return WorkersProgram.start(folder.path, toFlags(...more));
}

async function connectMany(program: WorkersProgram): Promise<Client[]> {
  const clients = Array.from({ length: clientsMax }, () => new Client(program.socketUrl));
  for (const client of clients) await client.next("welcome");
  return clients;
}

function publish(program: WorkersProgram, content: string): Promise<Response> {
  const init = { method: "POST", body: content, headers: { "content-type": "text/plain" } };
  // A connection of its own each time, so that it may come to any of them.
  return fetch(`${program.url}/rooms/hall/messages`, { ...init, keepalive: false });
}

describe.skipIf(!hasRedis)("workers over one Redis", () => {
  test("all workers get connections, say who they are in the log, and count as one server", async () => {
    using program = await start();
    expect(program.out).toContain(`workers  ${count} processes on this port\n`);
    expect(program.out.match(/listens on/g)).toHaveLength(1);
    const clients = await connectMany(program);
    for (let index = 0; index < 20; index += 1) await publish(program, `${index}`);
    await program.shows("partyline_workers", count);
    await program.shows("partyline_connections", clientsMax);
    await program.shows("partyline_publishes_total", 20);
    await program.shows("partyline_publish_seconds_count", 20);
    await program.shows("partyline_ready", 1);
    for (const client of clients) client.close();
    await eventually("a line for each", () => {
      return program.lines.filter(({ msg }) => msg === "connection ended").length === clientsMax;
    });
    const ended = program.lines.filter(({ msg }) => msg === "connection ended");
    const workers = new Set(ended.map(({ worker }) => worker));
    expect([...workers].sort()).toEqual([1, 2]);
    await program.shows("partyline_connections", 0);
    expect(await program.end("SIGTERM")).toBe(0);
  });

  test("a worker that is killed comes back; the others' clients and all totals stay", async () => {
    using program = await start();
    const clients = await connectMany(program);
    for (let index = 0; index < 20; index += 1) await publish(program, `${index}`);
    // So that both have told what they have counted.
    await program.shows("partyline_connections_opened_total", clientsMax);
    await program.shows("partyline_publishes_total", 20);
    const [first = 0, ...others] = program.listWorkers();
    process.kill(first, "SIGKILL");
    const { worker, pid } = await program.line("ended: signal SIGKILL; another takes its place.");
    expect([worker, pid]).toEqual([1, first]);
    await program.line("Worker 1 is back.");
    expect(program.listWorkers()).toHaveLength(count);
    expect(program.listWorkers()).toEqual(expect.arrayContaining(others));
    const staying = clients.filter(({ closed }) => closed === null).length;
    expect(staying).toBeGreaterThan(0);
    expect(staying).toBeLessThan(clientsMax);
    await program.shows("partyline_connections", staying);
    await program.shows("partyline_publishes_total", 20);
    await program.shows("partyline_connections_opened_total", clientsMax);
    await program.shows("partyline_workers", count);
    for (const client of clients) client.close();
    expect(await program.end("SIGTERM")).toBe(0);
  });

  test("SIGHUP renews each worker, one by one, and keeps what they counted", async () => {
    using program = await start("--drain-window", "1s", "--drain-delay", "1m");
    const old = program.listWorkers();
    const clients = await connectMany(program);
    for (let index = 0; index < 20; index += 1) await publish(program, `${index}`);
    program.process.kill("SIGHUP");
    await program.line("Rolling: each worker is replaced by a new one.");
    await program.line("Rolled: all workers are new.");
    expect(program.listWorkers()).toHaveLength(count);
    expect(program.listWorkers().filter((pid) => old.includes(pid))).toEqual([]);
    for (const client of clients) expect(await client.end()).toMatchObject({ code: 1012 });
    await program.shows("partyline_publishes_total", 20);
    await program.shows("partyline_drained_total", clientsMax);
    expect((await publish(program, "after")).status).toBe(201);
    program.process.kill("SIGTERM"); // with a drain delay of a minute
    await program.line("Stopping.");
    await Bun.sleep(600); // beyond what counts as the same signal
    expect(await program.end("SIGTERM")).toBe(143);
    await eventually("no worker", () => program.left.length === 0);
  });

  test("a roll that cannot start a new worker says why, and the old ones stay", async () => {
    const path = join(folder.path, "partyline.toml");
    await Bun.write(path, "");
    using program = await start();
    const old = program.listWorkers();
    await Bun.write(path, "nonsense = 1\n");
    program.process.kill("SIGHUP");
    const { level, msg, worker } = await program.line("Rolling ended");
    expect([level, worker]).toEqual(["error", 1]);
    expect(msg).toContain('Unknown key "nonsense" in ');
    expect(program.listWorkers()).toEqual(old);
    expect((await publish(program, "still here")).status).toBe(201);
    await Bun.write(path, 'host = "localhost"\n');
    program.process.kill("SIGHUP");
    await program.line("These keys are taken at the next start");
    await program.line("Rolled");
    expect((await publish(program, "still there")).status).toBe(201);
    expect(await program.end("SIGTERM")).toBe(0);
  });

  test("Ctrl-C, which all processes get, ends it once and gently", async () => {
    using program = await start();
    const clients = await connectMany(program);
    for (const pid of program.listWorkers()) process.kill(pid, "SIGINT");
    expect(await program.end("SIGINT")).toBe(0);
    for (const client of clients) expect(await client.end()).toMatchObject({ code: 1012 });
    expect(program.left).toEqual([]);
    expect(program.err).not.toContain("another takes its place");
    expect(program.lines.at(-1)?.msg).toBe("Stopped.");
  });

  test.skipIf(process.platform === "win32")(
    "SIGHUP renews workers on a terminal, too, and ends them once the terminal is closed",
    async () => {
      let text = "";
      const child = Bun.spawn([...fromSource, "serve", ...toFlags("--log-format", "text")], {
        cwd: folder.path,
        env: { HOME: "/nonexistent" },
        terminal: {
          data(_, data) {
            text += Buffer.from(data).toString();
          },
        },
      });
      await eventually("the greeting", () => text.includes("/messages"));
      child.kill("SIGHUP");
      await eventually("new workers", () => text.includes("Rolled"));
      child.terminal?.close();
      expect(await child.exited).toBe(0);
    },
  );

  test("workers whose supervisor is killed free the port, drain, and end by themselves", async () => {
    using program = await start("--drain-window", "1s");
    const clients = await connectMany(program);
    program.listWorkers();
    program.process.kill("SIGKILL");
    await eventually("no worker", () => program.left.length === 0);
    for (const client of clients) expect(await client.end()).toMatchObject({ code: 1012 });
    using next = await start("--port", new URL(program.url).port);
    expect(next.url).toBe(program.url);
  });

  test("a SIGTERM to one worker renews that one, and one to all processes ends them", async () => {
    using program = await start("--drain-window", "1s", "--drain-delay", "1m");
    const [first = 0, second = 0] = program.listWorkers();
    const clients = await connectMany(program);
    process.kill(first, "SIGTERM");
    await program.line("Worker 1 was sent a SIGTERM; another takes its place.");
    const isGone = () => !program.listWorkers().includes(first);
    await eventually("the old one is gone", isGone, 50_000);
    expect(program.listWorkers()).toContain(second);
    expect(program.listWorkers()).toHaveLength(count);
    await eventually("its clients are told", () => clients.some(({ closed }) => closed !== null));
    const codes = new Set(clients.map(({ closed }) => closed?.code));
    expect(codes).toEqual(new Set([1012, undefined])); // those of the other stay
    expect(program.lines.filter(({ level }) => level === "error")).toEqual([]);
    for (const client of clients) client.close();
    using other = await start("--port", "0");
    for (const pid of [...other.listWorkers(), other.process.pid]) process.kill(pid, "SIGTERM");
    expect(await other.end()).toBe(0);
    expect(other.err).not.toContain("another takes its place");
  }, 120_000);

  test("workers that leave end, too, when their supervisor is killed meanwhile", async () => {
    using program = await start();
    program.process.kill("SIGTERM");
    await program.line("Stopping.");
    program.process.kill("SIGKILL");
    await eventually("no worker", () => program.left.length === 0);
  });

  test("what all have to warn of is told once, and what they cannot share they refuse", async () => {
    await using forgetful = await RedisServer.start();
    const path = join(folder.path, "partyline.toml");
    const shared = `redis = "${forgetful.url}"\nworkers = 2\nhost = "::"\nanonymous = "write"\n`;
    await Bun.write(path, shared);
    const flags = ["--port", "0", "--log-format", "json", "--drain-window", "0s"];
    using program = await WorkersProgram.start(folder.path, flags);
    program.process.kill("SIGHUP");
    await program.line("Rolled");
    const warned = program.lines.filter(({ msg }) => msg.includes("keeps nothing on disk"));
    expect(warned).toEqual([expect.objectContaining({ level: "warn" })]);
    const old = program.listWorkers();
    // As it stands there each is good for a server of its own, on loopback.
    for (const [text, reason] of [
      ['durability = "memory"\nanonymous = "write"\n', "needs redis beside it"],
      [`redis = "${forgetful.url}"\n`, "lets other machines in"],
    ] as const) {
      await Bun.write(path, text);
      program.process.kill("SIGHUP");
      const refused = await eventually("a refusal", () => {
        return program.lines.find(({ msg }) => msg.includes(reason));
      });
      expect(refused.msg).toContain("the values from the start still count");
    }
    expect(program.listWorkers()).toEqual(old);
    expect(await program.end("SIGTERM")).toBe(0);
  });

  test("a port that is taken, also by other workers, is one sentence and exit code 1", async () => {
    using program = await start();
    const { port } = new URL(program.url);
    const others = [toFlags("--port", port), ["--port", port]];
    for (const flags of others) {
      const outcome = await runProgram([...fromSource, "serve", ...flags], folder.path);
      expect([outcome.code, outcome.out]).toEqual([1, ""]);
      expect(outcome.err).toStartWith(`Port ${port} (port) on 127.0.0.1 is taken; `);
      expect(outcome.err.trim().split("\n")).toHaveLength(1);
    }
  });

  test("a roll under load loses no message, and every publish is answered", async () => {
    using program = await start("--drain-window", "1s", "--messages-per-second", "0");
    using lines = new DisposableStack();
    const heard: string[][] = [];
    const gaps: unknown[] = [];
    for (let index = 0; index < 24; index += 1) {
      const transport = index % 3 === 0 ? "sse" : "websocket";
      const room = lines.use(connect(program.url, { transport })).join("hall", { since: "start" });
      const own: string[] = [];
      heard.push(own);
      room.on("message", ({ content }) => void own.push(String(content)));
      room.on("gap", (gap) => void gaps.push(gap));
    }
    const writers = Array.from({ length: 3 }, () => lines.use(connect(program.url)).join("hall"));
    const published: Promise<string>[] = [];
    let isDone = false;
    const writing = Promise.all(
      writers.map(async (writer, at) => {
        for (let index = 0; !isDone; index += 1) {
          published.push(writer.publish(`${at}-${index}`));
          await Bun.sleep(10);
        }
      }),
    );
    await eventually("some messages", () => heard.every(({ length }) => length > 20));
    program.process.kill("SIGHUP");
    await program.line("Rolled: all workers are new.");
    await eventually("more messages", () => heard.every(({ length }) => length > 100));
    isDone = true;
    await writing;
    const positions = await Promise.all(published);
    await eventually("the last message", () =>
      heard.every(({ length }) => length >= positions.length),
    );
    expect(new Set(positions).size).toBe(positions.length);
    const [first = []] = heard;
    expect(new Set(first).size).toBe(positions.length);
    for (const own of heard) expect(own).toEqual(first); // the same messages, once, in one order
    expect(gaps).toEqual([]);
    expect(program.err).not.toContain('"level":"error"');
    expect(await program.end("SIGTERM")).toBe(0);
  });

  test("a Redis that is not there is told once, with the exit code of one process", async () => {
    const flags = ["--workers", "3", "--port", "0", "--redis", "redis://127.0.0.1:1"];
    const outcome = await runProgram([...fromSource, "serve", ...flags], folder.path);
    expect([outcome.code, outcome.out]).toEqual([1, ""]);
    expect(outcome.err.trim().split("\n"), outcome.err).toHaveLength(1);
    expect(outcome.err).toContain("127.0.0.1:1");
  });
});

test("workers without redis, with http3 or out of range are refused by name", async () => {
  const redis = ["--workers", "3", "--redis", "redis://127.0.0.1:1"];
  const refused = [
    [["--workers", "3"], "workers is 3 (--workers), which needs redis beside it"],
    [
      [...redis, "--http3", "--tls-self-signed"],
      "workers is 3 (--workers), which cannot be with http3",
    ],
    [
      ["--workers", "65"],
      'workers is "65" (--workers), which is not accepted; give a whole number',
    ],
  ] as const;
  for (const [flags, text] of refused) {
    const { code, err } = await runProgram([...fromSource, "serve", ...flags], folder.path);
    expect([code, err]).toEqual([2, expect.stringContaining(text)]);
  }
});
