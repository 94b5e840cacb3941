import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/poll.ts";
import { fromSource } from "../support/program.ts";
import { RedisServer } from "../support/redis-server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { WorkersProgram } from "../support/workers-program.ts";

setDefaultTimeout(60_000);

const hasRedis = findSystemProgram("redis") !== null;
const startMsMax = 30_000;
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

let temporary: TemporaryFolder;
let path: string;

beforeEach(() => {
  temporary = createTemporaryFolder();
  path = join(temporary.path, "given.toml");
});
afterEach(() => temporary[Symbol.dispose]());

/** A configuration that whoever reads it waits for, in the middle of its start. */
class Stall implements Disposable {
  #fd: number;

  constructor() {
    Bun.spawnSync(["mkfifo", path]);
    this.#fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  }

  /** Waits until a process has come to it, or is gone. */
  async reached(pid: number): Promise<void> {
    const hasCome = () => listFiles(pid)?.some((file) => file.startsWith(path)) ?? true;
    await eventually("it reads the configuration", hasCome, startMsMax);
  }

  /** Lets a process go on. */
  async give(pid: number): Promise<void> {
    await this.reached(pid);
    writeSync(this.#fd, "\n");
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

/** The files that a process has open; null for one that is gone. */
function listFiles(pid: number): string[] | null {
  try {
    const fds = readdirSync(`/proc/${pid}/fd`);
    return fds.map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return existsSync(`/proc/${pid}/exe`) ? [] : null; // it closed one meanwhile
  }
}

/** Sends signals to a process once they do not end it any more. */
async function send(pid: number, ...signals: (keyof typeof signalNumbers)[]): Promise<void> {
  for (const signal of signals) {
    const isCaught = () => {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const caught = BigInt(`0x${/^SigCgt:\s*(\w+)$/m.exec(status)?.[1]}`);
      return (caught >> BigInt(signalNumbers[signal] - 1)) % 2n === 1n;
    };
    await eventually(`${signal} is caught`, isCaught, startMsMax);
    process.kill(pid, signal);
  }
}

function start(...flags: string[]): WorkersProgram {
  const given = ["--config", path, "--port", "0", "--log-format", "json", ...flags];
  return new WorkersProgram(temporary.path, given, fromSource);
}

async function greeting(program: WorkersProgram): Promise<void> {
  await eventually("the greeting", () => program.out.includes("/messages\n"), startMsMax);
}

describe.skipIf(process.platform !== "linux")("signals while a process starts", () => {
  test("a SIGHUP does not end a server, which hears of it once it listens", async () => {
    using stall = new Stall();
    using program = start();
    await send(program.process.pid, "SIGHUP");
    await stall.give(program.process.pid);
    await program.line("SIGHUP changes nothing");
    await greeting(program);
    expect(await program.end("SIGTERM")).toBe(0);
  });

  test("a SIGHUP lets a server that has started take its certificate anew", async () => {
    using stall = new Stall();
    using program = start("--tls-cert", "cert.pem", "--tls-key", "key.pem");
    const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=a", "-days", "2"];
    const cwd = temporary.path;
    expect(Bun.spawnSync(["openssl", ...made, ...files], { cwd }).exitCode).toBe(0);
    await send(program.process.pid, "SIGHUP");
    await stall.give(program.process.pid);
    await program.line("certificate");
    expect(await program.end("SIGTERM")).toBe(0);
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "a %s ends it with 0 and without a word",
    async (signal) => {
      using stall = new Stall();
      using program = start();
      await send(program.process.pid, signal);
      await stall.give(program.process.pid);
      expect(await program.end()).toBe(0);
      expect([program.out, program.err]).toEqual(["", ""]);
    },
  );

  test("a terminal that is closed ends the server in it as gently as a SIGTERM", async () => {
    let text = "";
    const child = Bun.spawn([...fromSource, "serve", "--port", "0"], {
      cwd: temporary.path,
      env: { HOME: "/nonexistent" },
      terminal: {
        data(_, data) {
          text += Buffer.from(data).toString();
        },
      },
    });
    await eventually("the greeting", () => text.includes("/messages"), startMsMax);
    child.terminal?.close();
    expect(await child.exited).toBe(0);
  });

  test("other commands are ended by signals as any program is", async () => {
    using stall = new Stall();
    const command = [...fromSource, "check", "--config", path];
    const child = Bun.spawn(command, { stdio: ["ignore", "ignore", "ignore"] });
    await stall.reached(child.pid);
    child.kill("SIGHUP");
    await child.exited;
    expect(child.signalCode).toBe("SIGHUP");
  });
});

describe.skipIf(process.platform !== "linux" || !hasRedis)("signals while workers start", () => {
  test("neither the supervisor nor a worker is ended by a SIGHUP, and then all are renewed", async () => {
    await using redis = await RedisServer.start();
    using first = new Stall();
    using program = start("--redis", redis.url, "--workers", "2", "--drain-window", "0");
    const { pid } = program.process;
    await send(pid, "SIGHUP");
    await first.reached(pid);
    unlinkSync(path);
    using second = new Stall(); // for the first worker
    await first.give(pid);
    const worker = await eventually("a worker", () => program.listWorkers()[0], startMsMax);
    await send(worker, "SIGHUP", "SIGINT");
    await second.reached(worker);
    unlinkSync(path);
    writeFileSync(path, "");
    await second.give(worker);
    await greeting(program);
    await program.line("Rolled: all workers are new.");
    expect(program.err).not.toContain("ended");
    expect(await program.end("SIGTERM")).toBe(0);
    await eventually("no worker", () => program.left.length === 0);
  });

  test("a SIGTERM ends the supervisor with 0 before it starts any worker", async () => {
    using stall = new Stall();
    using program = start("--redis", "redis://127.0.0.1:9", "--workers", "2");
    await send(program.process.pid, "SIGTERM");
    await stall.give(program.process.pid);
    expect(await program.end()).toBe(0);
    expect([program.out, program.err, program.left]).toEqual(["", "", []]);
  });
});
