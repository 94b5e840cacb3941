/** `partyline check`: what is sound is said to be, and each fault is found and named. */

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../support/command-line.ts";
import { fillStore, openStore, publishTo } from "../support/filled-store.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

test("a sound store is described, and left byte for byte", async () => {
  using folder = createTemporaryFolder();
  const path = await fillStore(folder.path);
  const before = readFileSync(path);
  const { code, out, err } = await runCommand(folder.path, ["check", "--data", folder.path]);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain(`The store "${path}" is sound.\n`);
  expect(out).toMatch(/^ {2}rooms {5}3$/m);
  expect(out).toMatch(/^ {2}messages {2}80 with [\d.]+ KiB of contents$/m);
  expect(out).toMatch(/^ {2}oldest {4}2025-11-21T01:53:21.000Z$/m);
  expect(out).toMatch(/^ {2}newest {4}2025-11-21T01:54:49.000Z$/m);
  expect(out).toMatch(/^ {2}in use {4}no$/m);
  expect(readFileSync(path)).toEqual(before);
});

test("the same is told as JSON", async () => {
  using folder = createTemporaryFolder();
  const path = await fillStore(folder.path);
  const { code, out } = await runCommand(folder.path, ["check", "--json", "partyline.db"]);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    ...{ isSound: true, path, faults: [], moreFaults: 0, isInUse: false },
    summary: { rooms: 3, messages: 80, schema: 2, renewsEpoch: null },
    files: { log: 0 },
  });
});

test("a store is checked while it is open and written to", async () => {
  using folder = createTemporaryFolder();
  await fillStore(folder.path);
  const broker = await openStore(folder.path);
  await publishTo(broker, 30, 100);
  // In a process of its own: closing a file lets go of the locks that its process has on it.
  const child = Bun.spawn(
    [process.execPath, "src/main.ts", "check", "--json", "--data", folder.path],
    { stdout: "pipe", cwd: join(import.meta.dir, "../..") },
  );
  let published = 30;
  while (child.exitCode === null) {
    await publishTo(broker, 30, 100 + published);
    published += 30;
    await Bun.sleep(1);
  }
  const report = JSON.parse(await new Response(child.stdout).text());
  expect(report).toMatchObject({ isSound: true, isInUse: true });
  expect(report.summary.messages).toBeGreaterThanOrEqual(110);
  await broker.close();
});

test.each<[what: string, sql: string, says: RegExp[]]>([
  [
    "missing messages",
    "DELETE FROM messages WHERE room_id = 2 AND offset IN (5, 6)",
    [/^Messages 5 to 6 are missing in the room room-1\.$/m],
  ],
  [
    "missing messages at the start of what is kept",
    "DELETE FROM messages WHERE room_id = 1 AND offset = 11",
    [/^Messages 11 to 11 are missing in the room room-0\.$/m],
  ],
  [
    "messages that should be forgotten",
    "UPDATE rooms SET trimmed = 12 WHERE id = 1",
    [/^There is a forgotten message, 11, in the room room-0\.$/m],
  ],
  [
    "bytes that are counted wrong",
    "UPDATE messages SET total = total + 1 WHERE room_id = 2 AND offset = 30",
    [/^The bytes are not counted right from message 30 on in the room room-1\.$/m],
  ],
  [
    "content that is not JSON",
    "UPDATE messages SET body = '{\"text\":', total = 0 WHERE room_id = 3 AND offset = 1",
    [/^The content of message 1 in the room room-2 is not JSON\.$/m],
  ],
  [
    "a message without an id",
    "UPDATE messages SET id = '' WHERE room_id = 3 AND offset = 2",
    [/^Message 2 in the room room-2 has no id\.$/m],
  ],
  [
    "messages of no room",
    "DELETE FROM rooms WHERE id = 3",
    [/^There are messages of room number 3, which is not there\.$/m],
  ],
  [
    "a room with a bad name",
    "UPDATE rooms SET name = 'a room' WHERE id = 3",
    [/^A room has the name "a room", which is none\.$/m],
  ],
  [
    "an epoch that is none",
    "UPDATE meta SET value = 'E:1' WHERE key = 'epoch'",
    [/^The epoch is "E:1", which is none\.$/m],
  ],
  [
    "more faults than anybody reads",
    "UPDATE messages SET body = 'x'",
    [/^And \d+ faults more\.$/m, /^Stop the server, keep the damaged files/m],
  ],
])("%s: the exit code is 1, and a sentence says it", async (_, sql, says) => {
  using folder = createTemporaryFolder();
  const path = await fillStore(folder.path);
  const database = new Database(path);
  database.run(sql);
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close(true);
  const { code, out, err } = await runCommand(folder.path, ["check", path]);
  expect(code).toBe(1);
  expect(out).toContain("is NOT sound");
  for (const sentence of says) expect(err).toMatch(sentence);
});

test("an index that does not fit its table is found", async () => {
  using folder = createTemporaryFolder();
  const path = await fillStore(folder.path);
  const broker = await openStore(folder.path);
  const body = { kind: "json", json: "1" } as const;
  const from = { id: "alice", name: "Alice" };
  await broker.publish({ room: "room-1", id: "needle", from, at: 1, body });
  await broker.close();
  const bytes = readFileSync(path);
  const first = bytes.indexOf("needle"); // in the table or in the index; it is in both
  expect(bytes.indexOf("needle", first + 1)).toBeGreaterThan(first);
  writeFileSync(path, bytes.fill("noodle", first, first + 6));
  const { code, err } = await runCommand(folder.path, ["check", path]);
  expect(code).toBe(1);
  expect(err).toMatch(/^SQLite finds damage: .*messages_by_id/m);
});

test.each<[what: string, make: (folder: string) => Promise<unknown>, says: RegExp]>([
  ["nothing", async () => {}, /^There is no store at ".*partyline\.db"\.\n$/],
  [
    "an empty file",
    async (folder) => writeFileSync(join(folder, "partyline.db"), ""),
    /is empty: a server starts anew with it/,
  ],
  [
    "a text",
    async (folder) => writeFileSync(join(folder, "partyline.db"), "hello"),
    /is not a Partyline store/,
  ],
  [
    "half a store",
    async (folder) => truncateSync(await fillStore(folder), 8_192),
    /is damaged: it is shorter than it says/,
  ],
  [
    "the store of a newer version",
    async (folder) => {
      const database = new Database(await fillStore(folder));
      database.run("PRAGMA user_version = 99");
      database.run("PRAGMA wal_checkpoint(TRUNCATE)");
      database.close(true);
    },
    /was written by a newer Partyline/,
  ],
])("%s in its place is told in one sentence", async (_, make, says) => {
  using folder = createTemporaryFolder();
  await make(folder.path);
  const { code, out, err } = await runCommand(folder.path, ["check", "--data", folder.path]);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toMatch(says);
});

test("a store that was killed before its epoch was named is sound, unless it has rooms", async () => {
  using folder = createTemporaryFolder();
  const path = await fillStore(folder.path);
  for (const [sql, code] of [
    ["DELETE FROM meta", 1],
    ["DELETE FROM messages", 1],
    ["DELETE FROM rooms", 0],
  ] as const) {
    const database = new Database(path);
    database.run(sql);
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close(true);
    expect((await runCommand(folder.path, ["check", path])).code).toBe(code);
  }
});

test("a store that was killed is sound, its write-ahead log included", async () => {
  using folder = createTemporaryFolder();
  using copy = createTemporaryFolder();
  const broker = await openStore(folder.path);
  await publishTo(broker, 30);
  for (const suffix of ["", "-wal"]) {
    const name = `partyline.db${suffix}`;
    copyFileSync(join(folder.path, name), join(copy.path, name));
  }
  await broker.close();
  const { code, out } = await runCommand(copy.path, ["check", "partyline.db"]);
  expect(code).toBe(0);
  expect(out).toMatch(/^ {2}messages {2}30 with/m);
  expect(out).toMatch(/^ {2}file .* of write-ahead log$/m);
});

test("with Redis there is no store to check, but a named file is checked all the same", async () => {
  using folder = createTemporaryFolder();
  await fillStore(folder.path); // of the time before
  writeFileSync(join(folder.path, "partyline.toml"), 'redis = "redis://:hush@127.0.0.1:1"');
  const { code, out, err } = await runCommand(folder.path, ["check", "--data", folder.path]);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toStartWith("The rooms are in Redis, since the key redis is set");
  expect((await runCommand(folder.path, ["check", "partyline.db"])).code).toBe(0);
});
