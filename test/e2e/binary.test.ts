import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, renameSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { type Outcome, runProgram, startProgram } from "../support/program.ts";
import { RedisServer } from "../support/redis-server.ts";
import { root } from "../support/source-tree.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { WorkersProgram } from "../support/workers-program.ts";

setDefaultTimeout(120_000);

const buildMsMax = 120_000;
/** Far above what it takes: this machine may be busy with other tests. */
const firstAnswerMsMax = 10_000;
const nothing: Readonly<Record<string, string>> = {};
const selfSigned = ["--tls-self-signed", "--http3"];

let temporary: TemporaryFolder;
let binary: string;
let elsewhere: string;
let count = 0;

beforeAll(async () => {
  temporary = createTemporaryFolder();
  const built = join(temporary.path, "built", "partyline");
  for (const script of [["public/build.ts"], ["src/build.ts", "--outfile", built]]) {
    const { code, err } = await runProgram([process.execPath, ...script], root, {
      HOME: temporary.path,
      PATH: process.env.PATH ?? "",
    });
    expect(code, err).toBe(0);
  }
  mkdirSync(join(temporary.path, "elsewhere"));
  binary = join(temporary.path, "elsewhere", "partyline");
  cpSync(built, binary);
}, buildMsMax);
afterAll(() => temporary[Symbol.dispose]());

/** A new empty folder to run it in. */
function enterFolder(): void {
  count += 1;
  elsewhere = join(temporary.path, `run-${count}`);
  mkdirSync(elsewhere);
}

function start(...flags: string[]) {
  return startProgram([binary, "--port", "0", ...flags], elsewhere, nothing);
}

function run(...flags: string[]): Promise<Outcome> {
  return runProgram([binary, ...flags], elsewhere, nothing);
}

test("answers soon after it was started, with the page, its parts and the manual", async () => {
  enterFolder();
  const startedAt = performance.now();
  using program = await start();
  const page = await fetch(`${program.url}/`);
  expect(performance.now() - startedAt).toBeLessThan(firstAnswerMsMax);
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toStartWith("text/html");
  const html = await page.text();
  const parts = [...html.matchAll(/(?:src|href)="([^":]+\.(?:js|css|svg))"/g)];
  expect(parts.length).toBeGreaterThan(1);
  for (const [, part] of parts) {
    const answer = await fetch(new URL(part ?? "", `${program.url}/`));
    expect([part, answer.status]).toEqual([part, 200]);
    expect((await answer.bytes()).length).toBeGreaterThan(100);
  }
  for (const path of [
    "/docs",
    "/docs/protocol",
    "/docs/configuration",
    "/livez",
    "/openapi.json",
  ]) {
    const answer = await fetch(program.url + path);
    expect([path, answer.status]).toEqual([path, 200]);
    expect((await answer.bytes()).length).toBeGreaterThan(1);
  }
  expect((await fetch(`${program.url}/nowhere`)).status).toBe(404);
});

test("keeps what was published through a gentle stop and through SIGKILL", async () => {
  enterFolder();
  const signals = ["SIGTERM", "SIGKILL"] as const;
  for (const [index, signal] of signals.entries()) {
    using program = await start();
    const rooms = `${program.url}/rooms/general/messages`;
    const body = JSON.stringify({ content: `message ${index}` });
    const headers = { "content-type": "application/json" };
    const published = await fetch(rooms, { method: "POST", headers, body });
    expect(published.status).toBe(201);
    const { code, err } = await program.end(signal);
    if (signal === "SIGTERM") expect(code, err).toBe(0);
  }
  using program = await start();
  const answer = await fetch(`${program.url}/rooms/general/messages?since=start`);
  const { messages } = (await answer.json()) as { messages: { content: unknown }[] };
  expect(messages.map(({ content }) => content)).toEqual(["message 0", "message 1"]);
});

test("sends on what is published over WebSocket", async () => {
  enterFolder();
  using program = await start("--durability", "memory");
  const socket = new WebSocket(`${program.url.replace("http", "ws")}/ws`);
  const { promise: came, resolve } = Promise.withResolvers<unknown>();
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(String(data));
    if (frame.type === "welcome") socket.send(JSON.stringify({ type: "join", room: "general" }));
    if (frame.type === "joined") {
      socket.send(JSON.stringify({ type: "message", room: "general", content: { n: 1 } }));
    }
    if (frame.type === "message") resolve(frame.content);
  };
  expect(await came).toEqual({ n: 1 });
  socket.close();
});

test("makes a certificate and speaks HTTP/1.1, HTTP/2 and HTTP/3 with it", async () => {
  enterFolder();
  using program = await start(...selfSigned);
  for (const protocol of ["http1.1", "http2", "http3"] as const) {
    const tls = { rejectUnauthorized: false };
    const answer = await fetch(`${program.url}/livez`, { tls, protocol });
    expect([protocol, answer.status]).toEqual([protocol, 200]);
  }
});

test.skipIf(findSystemProgram("redis") === null || process.platform !== "linux")(
  "workers become those of another executable at SIGHUP, here behind a link that was turned",
  async () => {
    enterFolder();
    await using redis = await RedisServer.start();
    const next = join(elsewhere, "next");
    const link = join(elsewhere, "partyline");
    cpSync(binary, next);
    symlinkSync(binary, link);
    const flags = ["--workers", "2", "--port", "0", "--redis", redis.url];
    using program = await WorkersProgram.start(elsewhere, flags, [link], nothing);
    const executables = () => program.listWorkers().map((pid) => statSync(`/proc/${pid}/exe`).ino);
    const { ino: before } = statSync(binary);
    expect(executables()).toEqual([before, before]);
    symlinkSync(next, `${link}-new`);
    renameSync(`${link}-new`, link);
    program.process.kill("SIGHUP");
    await program.line("Rolled: all workers are new.");
    const { ino: after } = statSync(next);
    expect(executables()).toEqual([after, after]);
    expect((await fetch(`${program.url}/livez`)).status).toBe(200);
    expect(await program.end("SIGTERM")).toBe(0);
  },
);

test("says in one sentence that its port is taken, and exits with 1", async () => {
  enterFolder();
  using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { code, out, err } = await run("--port", String(other.port));
  expect([code, out]).toEqual([1, ""]);
  expect(err.trim().split("\n"), err).toHaveLength(1);
  expect(err).toContain(String(other.port));
});

test("tells its version and help, and refuses flags that it does not know with 2", async () => {
  enterFolder();
  expect(await run("--version")).toEqual({
    code: 0,
    out: `partyline ${packageJson.version}\n`,
    err: "",
  });
  expect((await run("--help")).code).toBe(0);
  const { code, err } = await run("--prot", "1");
  expect(code).toBe(2);
  expect(err).toContain("did you mean --port?");
});

test("reads partyline.toml where it is started, and no .env file", async () => {
  enterFolder();
  await Bun.write(join(elsewhere, "partyline.toml"), "port = 9000\n");
  await Bun.write(join(elsewhere, ".env"), "PARTYLINE_PORT=9001\n");
  const { out } = await run("--print-config");
  expect(out).toMatch(/^port = 9000 /m);
});
