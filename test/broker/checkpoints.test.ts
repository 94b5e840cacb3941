/** The write-ahead log stays short while messages keep coming, with and without a thread. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { openSqliteBroker } from "../../src/broker/sqlite.ts";
import type { Clock } from "../../src/hub/ports.ts";
import { noBounds, range } from "../contract/broker-scene.ts";
import { deaf } from "../support/deaf.ts";
import { eventually } from "../support/poll.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const walBytesMax = 2_000_000;
/** What one transaction may add after the log was last measured. */
const overshootBytes = 3_000_000;

describe("the write-ahead log of a store", () => {
  for (const hasThread of [true, false]) {
    const where = hasThread ? "by a thread" : "without one";
    test(`stays below its bound under steady writing, emptied ${where}`, async () => {
      using folder = createTemporaryFolder();
      const store = await open(folder.path, hasThread, patientClock);
      let written = 0;
      let largest = 0;
      while (written < 60_000_000) {
        await store.publish(20);
        written += 20 * bodyBytes;
        largest = Math.max(largest, statSync(`${store.path}-wal`).size);
      }
      expect(largest).toBeGreaterThan(100_000);
      expect(largest).toBeLessThan(walBytesMax + overshootBytes);
      expect(store.failures).toEqual([]);
      await store.close();
    });
  }

  test("stays below its bound where no thread can be started, which is told once", async () => {
    using folder = createTemporaryFolder();
    const { Worker } = globalThis;
    globalThis.Worker = class {
      constructor() {
        throw new Error("No thread to be had");
      }
    } as never;
    const store = await open(folder.path, true).finally(() => {
      globalThis.Worker = Worker;
    });
    for (const _ of range(1, 50)) await store.publish(20);
    expect(walBytes(store.path)).toBeLessThan(walBytesMax + overshootBytes);
    expect(store.failures).toEqual([new Error("No thread to be had")]);
    await store.close();
  });

  test("grows while another program reads, holds nobody up for long, and is short again after", async () => {
    using folder = createTemporaryFolder();
    const store = await open(folder.path, true);
    await store.publish(1);
    const reader = new Database(store.path, { readonly: true });
    reader.run("BEGIN");
    reader.query("SELECT count(*) FROM messages").get();
    for (const _ of range(1, 20)) await store.publish(20);
    expect(walBytes(store.path)).toBeGreaterThan(walBytesMax);
    reader.run("COMMIT");
    reader.close(true);
    const deadline = Date.now() + 15_000;
    const framesMax = walBytesMax / 4_096;
    while (writtenFrames(store.path) > framesMax && Date.now() < deadline) await store.publish(1);
    expect(writtenFrames(store.path)).toBeLessThanOrEqual(framesMax);
    await store.close();
  }, 30_000);

  test("is short again a moment after the clock was set back while nothing could be moved", async () => {
    using folder = createTemporaryFolder();
    let setBackMs = 0;
    const now = () => Date.now() - setBackMs;
    const store = await open(folder.path, true, { ...systemClock, now });
    const reader = new Database(store.path, { readonly: true });
    reader.run("BEGIN");
    reader.query("SELECT count(*) FROM messages").get();
    for (const _ of range(1, 20)) await store.publish(20);
    setBackMs = 86_400_000;
    reader.run("COMMIT");
    reader.close(true);
    const framesMax = walBytesMax / 4_096;
    await eventually("the log starts over", async () => {
      await store.publish(1);
      return writtenFrames(store.path) <= framesMax;
    });
    await store.close();
  }, 30_000);

  test("is moved into the file when the store is closed", async () => {
    using folder = createTemporaryFolder();
    const store = await open(folder.path, true);
    await store.publish(20);
    await store.close();
    expect(walBytes(store.path)).toBe(0);
    const database = new Database(store.path, { readonly: true });
    expect(database.query("SELECT count(*) AS n FROM messages").get()).toEqual({ n: 20 });
    database.close(true);
  });
});

test("a closed store lets its process end, and so does one that was never closed", async () => {
  for (const closing of ["await broker.close();", ""]) {
    using folder = createTemporaryFolder();
    const { stdout, exitCode } = await run([process.execPath, "-e", program(folder.path, closing)]);
    expect(stdout).toBe("stored 2000, failures 0\n");
    expect(exitCode).toBe(0);
  }
});

test("the thread is part of a compiled binary, which needs nothing beside it", async () => {
  using folder = createTemporaryFolder();
  const source = join(folder.path, "main.ts");
  const binary = join(folder.path, "bin", "store");
  await Bun.write(source, program(join(folder.path, "data"), "await broker.close();"));
  const build = await run([
    ...[process.execPath, "build", "--compile", "--bytecode", "--format=esm"],
    ...["--minify-syntax", "--minify-identifiers", source, "--outfile", binary],
  ]);
  expect(build.exitCode).toBe(0);
  const { stdout, exitCode } = await run([binary], folder.path);
  expect(stdout).toBe("stored 2000, failures 0\n");
  expect(exitCode).toBe(0);
}, 60_000);

const bodyBytes = 20_000;

async function open(folder: string, hasThread: boolean, clock = systemClock) {
  const path = join(folder, "partyline.db");
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => failures.push(error);
  const options = { path, retention: noBounds, clock, walBytesMax, hasThread };
  const broker = await openSqliteBroker({ ...options, durability: "process", onFailure });
  await broker.start(deaf);
  const body = { kind: "bytes", bytes: new Uint8Array(bodyBytes) } as const;
  const from = { id: "alice", name: "Alice" };
  return {
    path,
    failures,
    close: () => broker.close(),
    publish: (count: number) =>
      Promise.all(
        range(1, count).map(() =>
          broker.publish({ room: "hall", id: crypto.randomUUID(), from, at: 0, body }),
        ),
      ),
  };
}

/** A program that stores 40 MB past a bound of 2 MB, which takes a thread that works. */
function program(folder: string, closing: string): string {
  const module = JSON.stringify(join(import.meta.dir, "../../src/broker/sqlite.ts"));
  return `
    import { openSqliteBroker } from ${module};
    let failures = 0;
    const broker = await openSqliteBroker({
      path: ${JSON.stringify(join(folder, "partyline.db"))},
      durability: "process",
      retention: { messagesMax: 0, ageMsMax: 0, bytesMax: 0 },
      clock: { now: Date.now, after: (ms, act) => {
        const timer = setTimeout(act, ms);
        timer.unref();
        return () => clearTimeout(timer);
      } },
      walBytesMax: ${walBytesMax},
      onFailure: (error) => { failures += 1; console.error(error); },
    });
    const body = { kind: "bytes", bytes: new Uint8Array(${bodyBytes}) };
    const from = { id: "a", name: "A" };
    let stored = 0;
    for (let n = 0; n < 100; n += 1) {
      const batch = Array.from({ length: 20 }, (_, k) =>
        broker.publish({ room: "hall", id: n + "-" + k, from, at: 0, body }));
      stored += (await Promise.all(batch)).length;
    }
    ${closing}
    console.log("stored " + stored + ", failures " + failures);`;
}

async function run(command: string[], cwd = process.cwd()) {
  const child = Bun.spawn(command, { cwd, stdout: "pipe", stderr: "inherit" });
  const stdout = await new Response(child.stdout).text();
  return { stdout, exitCode: await child.exited };
}

function walBytes(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** Asks a connection of its own how long the log is; its file does not shrink when it starts over. */
function writtenFrames(path: string): number {
  const database = new Database(path, { readonly: true });
  const [row] = database.query("PRAGMA wal_checkpoint(NOOP)").values();
  database.close(true);
  return Number(row?.[1]);
}

/** Never gives up on a disk or a thread that needs more than a second, as busy machines have them. */
const patientClock: Clock = {
  now: Date.now,
  after: (delayMs, act) => systemClock.after(delayMs < 1_000 ? delayMs : 60 * delayMs, act),
};

const systemClock: Clock = {
  now: Date.now,
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs);
    return () => clearTimeout(timer);
  },
};
