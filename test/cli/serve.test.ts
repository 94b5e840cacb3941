import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { greet } from "../../src/cli/greeting.ts";
import { readConfig } from "../../src/config.ts";
import type { Given } from "../../src/config-source.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, runProgram, startProgram } from "../support/program.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

const serve = [...fromSource, "serve", "--port", "0"];

let temporary: TemporaryFolder;
let folder: string;

beforeEach(() => {
  temporary = createTemporaryFolder();
  folder = temporary.path;
});
afterEach(() => temporary[Symbol.dispose]());

test("the greeting tells where everything is, and its two curl lines work", async () => {
  using program = await startProgram(serve, folder);
  const { greeting, url } = program;
  expect(greeting).toMatch(/^Partyline \d+\.\d+\.\d+ listens on http:\/\/127\.0\.0\.1:\d+\n/);
  expect(greeting).toContain(`page     ${url}/\n`);
  expect(greeting).toContain(`manual   ${url}/docs\n`);
  expect(greeting).toContain(`data     ${join(folder, "data")}\n`);
  expect(greeting).toContain("everybody who can reach this address may read and write");
  expect(greeting).toContain(`curl -N ${url}/rooms/general/events\n`);
  expect(greeting).toContain(`curl -d 'hello' ${url}/rooms/general/messages\n`);
  expect(greeting).not.toContain("\x1b[");

  const follow = await fetch(`${url}/rooms/general/events`);
  // What curl sends for -d: the type of a form.
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const published = await fetch(`${url}/rooms/general/messages`, {
    method: "POST",
    headers,
    body: "hello",
  });
  expect(published.status).toBe(201);
  expect(await readUntil(follow, '"hello"')).toContain('"room":"general"');
});

test("the greeting's line for a token works as it is, where its flags were given", async () => {
  writeFileSync(join(folder, "it's the key"), "a secret that is long enough to sign with", {
    mode: 0o600,
  });
  writeFileSync(join(folder, "other.toml"), 'token-secret-file = "it\'s the key"\n');
  const bin = join(folder, "partyline");
  const words = fromSource.map((word) => `'${word}'`).join(" ");
  writeFileSync(bin, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  for (const flags of [
    ["--token-secret-file", "it's the key", "--token-audience", "here & there"],
    ["--config", "other.toml"],
  ]) {
    using program = await startProgram([...serve, ...flags], folder);
    const line = /^ +token +(.+)$/m.exec(program.greeting)?.[1];
    const shell = ["/bin/sh", "-c", `${line}; echo "$TOKEN"`];
    const { out, err } = await runProgram(shell, folder, { PATH: `${folder}:/usr/bin:/bin` });
    const headers = { authorization: `Bearer ${out.trim()}` };
    const response = await fetch(`${program.url}/rooms/general`, { headers });
    expect([response.status, err]).toEqual([200, ""]);
  }
});

test("the greeting shows no secret, and promises no token that nobody here can sign", () => {
  const listening = { url: "http://127.0.0.1:1/", fingerprint: null };
  const tokenOf = (flags: Given["flags"]) => {
    const greeting = greet(readConfig({ flags, environment: {}, folder }), listening, false);
    return /^ +token +(.+)$/m.exec(greeting)?.[1];
  };
  expect(tokenOf({ "token-secret": "a secret that is long enough to sign with" })).toBe(
    "TOKEN=$(partyline token --token-secret '…' --user me --room 'general=read,write,presence')",
  );
  expect(tokenOf({ "token-public-key": "key.pem" })).toStartWith("TOKEN='…' # from its issuer");
  expect(tokenOf({})).toBeUndefined();
});

test("a second signal ends it at once, and the log says so", async () => {
  using program = await startProgram([...serve, "--drain-delay", "1h"], folder);
  await eventually("it ends", () => {
    program.process.kill("SIGTERM"); // those within half a second are the first
    return program.process.exitCode !== null;
  });
  const { code, err } = await program.end();
  expect(code).toBe(143);
  expect(err.match(/Stopped at once by a second signal, SIGTERM/g)).toHaveLength(1);
});

test("one SIGTERM or SIGINT stops it gently with 0, also with readers connected", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    using program = await startProgram(serve, folder);
    const follow = await fetch(`${program.url}/rooms/general/events`);
    const { code, err } = await program.end(signal);
    expect([signal, code]).toEqual([signal, 0]);
    expect(err).toContain("Stopping");
    await follow.body?.cancel().catch(() => {});
  }
});

test("a port that is taken is one sentence and exit code 1", async () => {
  using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const outcome = await runProgram([...fromSource, "--port", `${other.port}`], folder);
  expectRefusal(outcome, `${other.port}`);
});

test("a certificate that is missing is one sentence and exit code 1", async () => {
  const flags = ["--tls-cert", "missing.pem", "--tls-key", "missing-key.pem"];
  expectRefusal(await runProgram([...serve, ...flags], folder), "missing.pem");
});

test("a certificate that is none is one sentence and exit code 1", async () => {
  writeFileSync(join(folder, "broken.pem"), "not a certificate");
  const flags = ["--tls-cert", "broken.pem", "--tls-key", "broken.pem"];
  expectRefusal(await runProgram([...serve, ...flags], folder), "broken.pem");
});

test("a data folder that is a file is one sentence and exit code 1", async () => {
  writeFileSync(join(folder, "taken"), "");
  expectRefusal(await runProgram([...serve, "--data", "taken"], folder), "taken");
});

test.skipIf(process.platform === "win32")(
  "a data folder that may not be written is one sentence and exit code 1",
  async () => {
    // Nothing stops root but a file system that takes no folders.
    const isRoot = process.getuid?.() === 0;
    const data = isRoot ? "/sys/partyline" : join(folder, "readonly", "data");
    mkdirSync(join(folder, "readonly"), { mode: 0o500 });
    expectRefusal(await runProgram([...serve, "--data", data], folder), data);
  },
);

test("a broken file is one sentence with its line and exit code 1", async () => {
  writeFileSync(join(folder, "partyline.toml"), "host = 'localhost'\nport = \n");
  expectRefusal(await runProgram(serve, folder), "partyline.toml is not TOML: line 2: ");
});

test("a certificate made for development is told with its fingerprint and works", async () => {
  using program = await startProgram([...serve, "--tls-self-signed"], folder);
  expect(program.url).toStartWith("https://127.0.0.1:");
  expect(program.greeting).toMatch(/sha-256 +[0-9A-F]{2}(:[0-9A-F]{2}){31}\n/);
  expect(program.greeting).toContain(`curl -k -N ${program.url}/rooms/general/events\n`);
  const tls = { rejectUnauthorized: false };
  expect((await fetch(`${program.url}/livez`, { tls })).status).toBe(200);
});

function expectRefusal(outcome: { code: number | null; out: string; err: string }, part: string) {
  expect(outcome.code, outcome.err).toBe(1);
  expect(outcome.out).toBe("");
  expect(outcome.err.trim().split("\n"), outcome.err).toHaveLength(1);
  expect(outcome.err).toContain(part);
  expect(outcome.err).not.toMatch(/\bat .*:\d+:\d+|Error:/);
}

async function readUntil(response: Response, part: string): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (reader !== undefined && !text.includes(part)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader?.cancel();
  return text;
}
