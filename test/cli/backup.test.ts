/** `partyline backup`: a copy that is whole, and that gives no position out twice when it is used. */

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { mountSmallDisk } from "../broker/small-disk.ts";
import { type CommandOutcome, runCommand } from "../support/command-line.ts";
import { fillStore, openStore, publishTo } from "../support/filled-store.ts";
import { TestServer } from "../support/server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

describe("a copy", () => {
  test("is verified, has all messages, and is for its owner alone", async () => {
    using folder = createTemporaryFolder();
    await fillStore(folder.path);
    const { code, out, err } = await back(folder.path, "copy.db");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(
      /^Copied 80 messages of 3 rooms to .*copy\.db: [\d.]+ KiB in [\d.]+ s\.\n$/,
    );
    expect(statSync(join(folder.path, "copy.db")).mode & 0o777).toBe(0o600);
    const checked = await runCommand(folder.path, ["check", "copy.db"]);
    expect(checked.code).toBe(0);
    expect(checked.out).toMatch(/^ {2}messages {2}80 with/m);
    expect(checked.out).toMatch(/^ {2}epoch {5}new at the next start \(copied at 20\S+Z\)$/m);
    expect(readdirSync(folder.path).filter((name) => name.startsWith("copy"))).toEqual(["copy.db"]);
  });

  test("is made while a server writes, and holds what was acknowledged before it began", async () => {
    using folder = createTemporaryFolder();
    const broker = await openStore(folder.path);
    await publishTo(broker, 300);
    const copying = Bun.spawn(
      [process.execPath, "src/main.ts", "backup", "--json", "--data", folder.path, copyIn(folder)],
      { stdout: "pipe", cwd: join(import.meta.dir, "../..") },
    );
    let published = 300;
    while (copying.exitCode === null) {
      await publishTo(broker, 30, published);
      published += 30;
      await Bun.sleep(1);
    }
    await broker.close();
    const { rooms, messages } = JSON.parse(await new Response(copying.stdout).text());
    expect(rooms).toBe(3);
    expect(messages).toBeGreaterThanOrEqual(300);
    expect(messages).toBeLessThanOrEqual(published);
    expect((await runCommand(folder.path, ["check", copyIn(folder)])).code).toBe(0);
  });

  test("replaces nothing unless it is told to, and never the store", async () => {
    using folder = createTemporaryFolder();
    const path = await fillStore(folder.path);
    writeFileSync(join(folder.path, "copy.db"), "precious");
    const refused = await back(folder.path, "copy.db");
    expect([refused.code, refused.out]).toEqual([1, ""]);
    expect(refused.err).toMatch(/copy\.db" is there already; --force replaces it\.\n$/);
    expect(readFileSync(join(folder.path, "copy.db"), "utf8")).toBe("precious");
    const before = readFileSync(path);
    const itself = await back(folder.path, "partyline.db", "--force");
    expect(itself.err).toMatch(/is the store itself; name another file/);
    expect(readFileSync(path)).toEqual(before);
    expect((await back(folder.path, "copy.db", "--force")).code).toBe(0);
    expect((await runCommand(folder.path, ["check", "copy.db"])).code).toBe(0);
  });

  test.each<[what: string, make: (folder: string) => unknown, file: string, says: RegExp]>([
    ["a folder", (folder) => mkdirSync(join(folder, "x")), "x", /is a folder; name a file in it/],
    ["a place that is not there", () => {}, "x/y", /The folder ".*x" does not exist/],
    [
      "a damaged store",
      (folder) => writeFileSync(join(folder, "partyline.db"), "hello"),
      "copy.db",
      /is not a Partyline store/,
    ],
  ])("of or to %s is refused in one sentence", async (_, make, file, says) => {
    using folder = createTemporaryFolder();
    await fillStore(folder.path);
    await make(folder.path);
    const { code, out, err } = await back(folder.path, file);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(says);
    expect(readdirSync(folder.path).filter((name) => name.includes(".part"))).toEqual([]);
  });

  test("that a signal ends leaves nothing", async () => {
    using folder = createTemporaryFolder();
    await fillStore(folder.path);
    const { code, err } = await runCommand(
      folder.path,
      ["backup", "--data", folder.path, "copy.db"],
      (end) => end("SIGINT"),
    );
    expect(code).toBe(1);
    expect(err).toBe("The copy was given up; nothing is left of it.\n");
    expect(readdirSync(folder.path).filter((name) => name.startsWith("copy"))).toEqual([]);
  });

  test("that finds no room leaves nothing, and says so", async () => {
    using disk = mountSmallDisk();
    if (disk === undefined) return;
    using folder = createTemporaryFolder();
    await fillStore(folder.path);
    writeFileSync(join(disk.path, "filler"), new Uint8Array(disk.bytes - 8_192));
    const { code, err } = await back(folder.path, join(disk.path, "copy.db"));
    expect(code).toBe(1);
    expect(err).toMatch(
      /^The copy ".*copy\.db" cannot be written: no space is left on its disk\.\n$/,
    );
    expect(readdirSync(disk.path)).toEqual(["filler"]);
  });
});

describe("a copy that is put in the place of its store", () => {
  test("begins a new epoch, once, so that a reader who was ahead is told", async () => {
    await using server = await TestServer.start({ durability: "process" });
    const { folder } = server;
    for (let n = 1; n <= 5; n += 1) await server.publish("hall", n);
    expect((await back(folder, join(folder, "copy.db"))).code).toBe(0);
    for (let n = 6; n <= 8; n += 1) await server.publish("hall", n);
    const { position } = await server.json("/rooms/hall/messages?since=start");
    await server.stop();
    putBack(folder);
    await server.start();
    for (let n = 1; n <= 9; n += 1) await server.publish("hall", `other ${n}`);
    const since = await server.json(`/rooms/hall/messages?since=${position}`);
    expect(since.gap).toMatchObject({ reason: "reset", from: position });
    expect(since.messages).toHaveLength(14);
    const client = await server.connect();
    client.send({ type: "join", room: "hall", since: position });
    expect(await client.next("joined")).toMatchObject({ recovered: false });
    const renewed = since.position.split(":")[0];
    await server.stop();
    await server.start();
    expect((await server.publish("hall", "again")).position).toBe(`${renewed}:15`);
  });

  test("gets a new epoch each time it is put back", async () => {
    using folder = createTemporaryFolder();
    await fillStore(folder.path);
    expect((await back(folder.path, "copy.db")).code).toBe(0);
    const epochs = new Set<string>();
    for (let time = 0; time < 3; time += 1) {
      putBack(folder.path);
      const broker = await openStore(folder.path);
      epochs.add((await broker.head("room-0")).epoch);
      await broker.close();
    }
    expect(epochs.size).toBe(3);
  });

  test("is refused while the write-ahead log of another store lies beside it", async () => {
    using folder = createTemporaryFolder();
    const path = await fillStore(folder.path);
    expect((await back(folder.path, "copy.db")).code).toBe(0);
    const broker = await openStore(folder.path);
    await publishTo(broker, 30, 500);
    const log = readFileSync(`${path}-wal`);
    await broker.close();
    putBack(folder.path);
    writeFileSync(`${path}-wal`, log);
    const before = readFileSync(path);
    expect(openStore(folder.path)).rejects.toThrow(/is a copy, and the "-wal" file beside it/);
    const checked = await runCommand(folder.path, ["check", "--data", folder.path]);
    expect(checked.code).toBe(1);
    expect(checked.err).toMatch(/is a copy, and the "-wal" file beside it/);
    expect(readFileSync(path)).toEqual(before);
  });
});

function back(folder: string, file: string, ...flags: string[]): Promise<CommandOutcome> {
  return runCommand(folder, ["backup", "--data", folder, file, ...flags]);
}

function copyIn(folder: { readonly path: string }): string {
  return join(folder.path, "copy.db");
}

function putBack(folder: string): void {
  copyFileSync(join(folder, "copy.db"), join(folder, "partyline.db"));
  chmodSync(join(folder, "partyline.db"), 0o600);
}

test("with Redis there is no store to copy, and no old one is copied in its place", async () => {
  using folder = createTemporaryFolder();
  await fillStore(folder.path); // of the time before
  writeFileSync(join(folder.path, "partyline.toml"), 'redis = "redis://:hush@127.0.0.1:1"');
  const { code, out, err } = await back(folder.path, "copy.db");
  expect([code, out]).toEqual([1, ""]);
  expect(err).toStartWith("The rooms are in Redis, since the key redis is set");
  expect(readdirSync(folder.path)).not.toContain("copy.db");
});
