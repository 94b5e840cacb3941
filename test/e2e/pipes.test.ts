/** `tail` and `send` as parts of a shell's pipe: what ends them, and what they hold meanwhile. */

import { describe, expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ClientProgram } from "../support/client-program.ts";
import { eventually } from "../support/poll.ts";
import { fromSource } from "../support/program.ts";
import { TestServer } from "../support/server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** Each starts several programs, one after the other, which takes seconds on a busy machine. */
const withinMs = 120_000;
const patienceMs = 60_000;
/** Who has not used the processor for so long rests; a machine that stalls is no rest. */
const restMs = 1_500;
const partyline = fromSource.map((word) => `'${word}'`).join(" ");
const mebibyte = 1_048_576;

/** Runs a line of shell in which `partyline` stands for the program. */
async function shell(server: TestServer, line: string) {
  const child = Bun.spawn(["sh", "-c", line.replaceAll(/\bpartyline\b/g, partyline)], {
    env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", PARTYLINE_URL: server.url },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}

/** Bytes of memory that a process holds now. */
function residentBytes(id: number): number {
  const status = readFileSync(`/proc/${id}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

/** Resolves once a process does nothing any more: it has not used the processor for a while. */
async function restOf(id: number): Promise<void> {
  let [used, since] = ["", performance.now()];
  await eventually(
    "a process at rest",
    () => {
      const now = readFileSync(`/proc/${id}/stat`, "utf8").split(" ").slice(13, 15).join(" ");
      if (now !== used) [used, since] = [now, performance.now()];
      return performance.now() - since > restMs;
    },
    patienceMs,
  );
}

describe("a shell's pipe", () => {
  test(
    "is left by tail as soon as head has enough, also in a room where nobody speaks",
    async () => {
      await using server = await TestServer.start();
      for (const content of ["a", "b", "c"]) await server.publish("quiet", content);
      const { code, out, err } = await shell(
        server,
        "partyline tail --since start quiet | head -n 3",
      );
      expect(code).toBe(0);
      expect(out.split("\n").map((text) => text.at(-1))).toEqual(["a", "b", "c", undefined]);
      expect(err).toBe(`Connected to ${server.url}.\n`);
    },
    withinMs,
  );

  test(
    "brings what one command sends to where another prints it",
    async () => {
      await using server = await TestServer.start();
      const line =
        "seq 1 3000 | partyline send --lines --json -q source && " +
        "partyline tail -q --until-now --json source | partyline send --lines --json -q copy && " +
        "partyline tail -q --until-now --json copy";
      const { code, out, err } = await shell(server, line);
      expect([code, err]).toEqual([0, ""]);
      const numbers = out
        .trimEnd()
        .split("\n")
        .map((text) => JSON.parse(text).content.content);
      expect(numbers).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1));
    },
    withinMs,
  );

  test(
    "without an end is sent in flat memory, and Ctrl-C tells how much was stored",
    async () => {
      await using server = await TestServer.start();
      using program = new ClientProgram(server.url, ["send", "--lines", "yes"]);
      const { stdin, pid } = program.process;
      const piece = `${"yes\n".repeat(20_000)}`;
      let isOver = false;
      const feeding = (async () => {
        while (!isOver) {
          stdin.write(piece);
          await stdin.flush();
        }
      })().catch(() => {}); // it is killed while it still reads
      const offset = async () => {
        const { position } = await server.json("/rooms/yes");
        return Number(position.split(":")[1]);
      };
      await eventually("some of it", async () => (await offset()) > 5_000, patienceMs);
      const before = residentBytes(pid);
      const from = await offset();
      await eventually("much of it", async () => (await offset()) > from + 40_000, patienceMs);
      expect(residentBytes(pid) - before).toBeLessThan(32 * mebibyte);
      isOver = true;
      const { code, err } = await program.end("SIGINT");
      await feeding;
      expect(code).toBe(130);
      const sent = Number(/([\d,]+) sent\.\n$/.exec(err)?.[1]?.replaceAll(",", ""));
      expect(sent).toBe(await offset());
    },
    withinMs,
  );

  test(
    "that nobody reads is not waited for in memory",
    async () => {
      await using server = await TestServer.start({ retention: { bytesMax: 0 } });
      using folder = createTemporaryFolder();
      const path = join(folder.path, "pipe");
      Bun.spawnSync(["mkfifo", path]);
      // What `stdout: "pipe"` gives, Bun reads on into its own memory; this one nobody reads.
      const pipe = openSync(path, constants.O_RDWR);
      const child = Bun.spawn([...fromSource, "tail", "--since", "start", "flood"], {
        env: { PARTYLINE_URL: server.url },
        stdout: pipe,
        stderr: "ignore",
      });
      try {
        const text = "x".repeat(50_000);
        const flood = async (count: number) => {
          for (let left = count; left > 0; left -= 1) await server.publish("flood", text);
        };
        await flood(1_000); // 50 MB, after which what it needs anyway is there
        await restOf(child.pid);
        const before = residentBytes(child.pid);
        await flood(2_000);
        await restOf(child.pid);
        expect(residentBytes(child.pid) - before).toBeLessThan(64 * mebibyte);
      } finally {
        child.kill("SIGKILL");
        await child.exited;
        closeSync(pipe);
      }
    },
    withinMs,
  );
});

test(
  "a server that restarts three times costs neither the sender nor the reader a line",
  async () => {
    await using server = await TestServer.start({ durability: "process", drainWindowMs: 300 });
    using reader = new ClientProgram(server.url, ["tail", "--since", "start", "--json", "log"]);
    using writer = new ClientProgram(server.url, ["send", "--lines", "--json", "log"]);
    const { stdin } = writer.process;
    let sent = 0;
    const send = async (count: number) => {
      for (let left = count; left > 0; left -= 1) stdin.write(`${sent++}\n`);
      await stdin.flush();
    };
    for (let round = 1; round <= 3; round += 1) {
      await send(1_000);
      await eventually("some of it", () => reader.lines.length > (round - 1) * 1_000);
      await server.stop();
      await send(500); // which waits
      await server.start();
      await eventually("all of it", () => reader.lines.length === round * 1_500, patienceMs);
    }
    await stdin.end();
    const { code, err } = await writer.end();
    expect(code).toBe(0);
    expect(err).toEndWith("4,500 sent.\n");
    expect(err.match(/Connected again\./g)).toHaveLength(3);
    expect(reader.err).toMatch(/Trying again in \d+\.\d s\.\nConnected again\.\n/);
    const frames = reader.lines.map((text) => JSON.parse(text));
    expect(frames.map(({ content }) => content)).toEqual(
      Array.from({ length: 4_500 }, (_, index) => index),
    );
  },
  withinMs,
);

describe("on a terminal, tail", () => {
  test.each<[Record<string, string>, boolean]>([
    [{}, true],
    [{ NO_COLOR: "1" }, false],
  ])(
    "with %j has colours: %p; Ctrl-C ends it with 130",
    async (environment, isColored) => {
      await using server = await TestServer.start();
      await server.publish("screen", "hello \x1b[31m");
      let shown = "";
      const child = Bun.spawn([...fromSource, "tail", "--since", "start", "screen"], {
        env: { HOME: "/nonexistent", PARTYLINE_URL: server.url, ...environment },
        // Given as options: a terminal made before (Bun 1.4.5) passes no Ctrl-C on as a signal.
        terminal: {
          data: (_, bytes) => {
            shown += new TextDecoder().decode(bytes);
          },
        },
      });
      using _ended = { [Symbol.dispose]: () => child.kill("SIGKILL") };
      await eventually("the message", () => shown.includes("hello"));
      expect(shown).toContain("hello \\u001b[31m");
      expect(shown.includes("\x1b[2m")).toBe(isColored);
      child.terminal?.write("\x03");
      expect(await child.exited).toBe(130);
    },
    withinMs,
  );
});
