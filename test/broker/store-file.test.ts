/** What a store refuses to open, and that it leaves it as it was. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { openSqliteBroker } from "../../src/broker/sqlite.ts";
import { StoreError } from "../../src/broker/store-error.ts";
import { openStoreFile } from "../../src/broker/store-file.ts";
import { applicationId } from "../../src/broker/store-inspection.ts";
import { noBounds, range, Scene } from "../contract/broker-scene.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { mountSmallDisk } from "./small-disk.ts";

const refusals: readonly [what: string, make: (path: string) => unknown, says: RegExp][] = [
  ["text", (path) => writeFileSync(path, "hello ".repeat(2_000)), /not an SQLite database/],
  ["a very short file", (path) => writeFileSync(path, "SQLite format 3\0"), /not an SQLite/],
  ["a database of another application", (path) => makeForeign(path, 0), /another application/],
  ["a database with another mark", (path) => makeForeign(path, 77), /another application/],
  ["a newer version's store", (path) => alter(path, "PRAGMA user_version = 99"), /newer.*99/],
  [
    "a store without its tables",
    (path) => alter(path, "DROP TABLE messages"),
    /no table "messages"/,
  ],
  ["a store cut short", makeShort, /damaged: it is shorter/],
  ["a store with a page of noise", (path) => makeNoise(path, 4_096, 4_096), /is damaged/],
  ["a store with noise in a table", (path) => makeNoise(path, -8_192, 8_192), /is damaged/],
];

describe("opening a store", () => {
  for (const [what, make, says] of refusals) {
    test(`refuses ${what} in one sentence and leaves it byte for byte`, async () => {
      using folder = createTemporaryFolder();
      const path = join(folder.path, "partyline.db");
      await make(path);
      const before = contents(folder.path);
      const message = refuse(path);
      expect(message).toMatch(says);
      // A look at a store in WAL mode may leave an empty `-wal` and an `-shm` beside it.
      expect(contents(folder.path)).toMatchObject(before);
    });
  }

  test("takes a store whose first start was cut off at any write", async () => {
    using folder = createTemporaryFolder();
    const file = new URL("../../src/broker/schema/0001_messages.sql", import.meta.url);
    const mark = (version: number) =>
      `PRAGMA user_version = ${version}; PRAGMA application_id = ${applicationId};`;
    const first = `${await Bun.file(file).text()}; ${mark(1)}`;
    const second = `CREATE TABLE half (id INTEGER PRIMARY KEY); ${mark(2)}`;
    for (const [index, [committed, cut]] of [
      ["", first] as const,
      [first, second] as const,
    ].entries()) {
      const made = join(folder.path, `made-${index}.db`);
      const database = new Database(made);
      if (committed !== "") database.run(committed);
      // So small a cache writes pages before the end, as a start does that is killed in its COMMIT.
      database.run("PRAGMA cache_size = 1");
      database.run("BEGIN");
      database.run(cut);
      database.run("CREATE TABLE filler (content)");
      for (const _ of range(1, 3)) database.run("INSERT INTO filler VALUES (zeroblob(100000))");
      const path = join(folder.path, `cut-${index}.db`);
      for (const suffix of ["", "-journal"]) copyFileSync(made + suffix, path + suffix);
      database.close(true);
      expect(statSync(`${path}-journal`).size).toBeGreaterThan(500);
      openStoreFile(path, "process", "").close();
      const opened = new Database(path, { readonly: true });
      const tables = opened.query("SELECT name FROM sqlite_schema WHERE type = 'table'").values();
      expect(tables.flat()).not.toContain("filler");
      expect(tables.flat()).toContain("revoked_users");
      opened.close(true);
    }
  });

  test("refuses a write-ahead log whose store is gone, and keeps it", () => {
    using folder = createTemporaryFolder();
    const path = join(folder.path, "partyline.db");
    writeFileSync(`${path}-wal`, "messages");
    expect(refuse(path)).toMatch(/missing but its "-wal" file is there/);
    expect(contents(folder.path)).toEqual({ "partyline.db-wal": "messages" });
  });

  test("refuses a store that is open in this process", async () => {
    using folder = createTemporaryFolder();
    const path = join(folder.path, "partyline.db");
    const file = openStoreFile(path, "process", "");
    expect(refuse(path)).toMatch(/in use by another Partyline/);
    file.close();
    openStoreFile(path, "process", "").close();
  });

  test("refuses a store that another process has open, until that process is killed", async () => {
    using folder = createTemporaryFolder();
    const path = join(folder.path, "partyline.db");
    const code = `
      import { applicationId } from "../../src/broker/store-inspection.ts";
import { openStoreFile } from ${JSON.stringify(join(import.meta.dir, "../../src/broker/store-file.ts"))};
      globalThis.kept = openStoreFile(${JSON.stringify(path)}, "process", "");
      console.log("open");
      setInterval(() => {}, 1000);`;
    const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
    try {
      const { value } = await child.stdout.getReader().read();
      expect(new TextDecoder().decode(value)).toBe("open\n");
      expect(refuse(path)).toMatch(/in use by another Partyline/);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
    openStoreFile(path, "process", "").close();
  });

  test("refuses a store that another program has locked", () => {
    using folder = createTemporaryFolder();
    const path = join(folder.path, "partyline.db");
    openStoreFile(path, "process", "").close();
    const other = new Database(path);
    other.run("PRAGMA locking_mode = EXCLUSIVE");
    other.run("BEGIN IMMEDIATE");
    expect(refuse(path)).toMatch(/is locked by another program/);
    other.run("COMMIT");
    other.close(true);
    openStoreFile(path, "process", "").close();
  });

  test("refuses a folder in the place of the file, and a file in the place of the folder", () => {
    using folder = createTemporaryFolder();
    mkdirSync(join(folder.path, "partyline.db"));
    expect(refuse(join(folder.path, "partyline.db"))).toMatch(/is a folder/);
    writeFileSync(join(folder.path, "file"), "");
    expect(refuse(join(folder.path, "file", "partyline.db"))).toMatch(
      /a part of its path is a file/,
    );
  });

  test.if(process.platform === "linux")("refuses a place where nothing can be written", () => {
    expect(refuse("/proc/partyline.db")).toMatch(/cannot be opened for writing/);
    expect(refuse("/proc/partyline/partyline.db")).toMatch(/cannot be opened for writing/);
  });

  test("refuses a full disk", () => {
    using disk = mountSmallDisk();
    if (disk === undefined) return;
    writeFileSync(join(disk.path, "filler"), new Uint8Array(disk.bytes - 4_096));
    expect(refuse(join(disk.path, "partyline.db"))).toMatch(/no space is left/);
  });

  test("takes an empty file, makes missing folders, and leaves a store that others may read", async () => {
    using folder = createTemporaryFolder();
    const path = join(folder.path, "a", "b", "partyline.db");
    mkdirSync(join(folder.path, "a", "b"), { recursive: true });
    writeFileSync(path, "");
    await using scene = await Scene.open(async (options) => {
      const broker = await openSqliteBroker({ ...options, path, durability: "process" });
      return { broker, close: () => broker.close() };
    });
    await scene.publishMany("hall", 10);
    const reader = new Database(path, { readonly: true });
    expect(reader.query("SELECT count(*) AS n FROM messages").get()).toEqual({ n: 10 });
    reader.close(true);
    await scene.broker.close();
    expect(readdirSync(join(folder.path, "a", "b")).sort()).toEqual([
      "partyline.db",
      "partyline.db-lock",
    ]);
  });
});

function refuse(path: string): string {
  try {
    openStoreFile(path, "process", "").close();
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
    const message = error instanceof Error ? error.message : "";
    expect(message).toContain(path);
    expect(message).toMatch(/^The store "[^"]+" [^\n]+$/);
    return message;
  }
  throw new Error("It was opened");
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), "latin1")]),
  );
}

async function makeStore(path: string): Promise<void> {
  const options = { path, retention: noBounds, clock: new ManualClock() };
  const broker = await openSqliteBroker({ ...options, durability: "process" });
  const from = { id: "alice", name: "Alice" };
  const body = { kind: "json", json: JSON.stringify("x".repeat(100)) } as const;
  await Promise.all(
    range(1, 500).map((n) => broker.publish({ room: "hall", id: `${n}`, from, at: n, body })),
  );
  await broker.close();
  await Bun.file(`${path}-lock`).delete();
}

async function alter(path: string, sql: string): Promise<void> {
  await makeStore(path);
  const database = new Database(path);
  database.run(sql);
  database.run("PRAGMA journal_mode = DELETE");
  database.close(true);
}

function makeForeign(path: string, mark: number): void {
  const database = new Database(path);
  database.run(`PRAGMA application_id = ${mark}`);
  database.run("CREATE TABLE photos (name TEXT)");
  database.close(true);
}

async function makeShort(path: string): Promise<void> {
  await makeStore(path);
  truncateSync(path, readFileSync(path).length - 4_096);
}

/** Overwrites some bytes; a negative place counts from the end. */
async function makeNoise(path: string, place: number, length: number): Promise<void> {
  await makeStore(path);
  const size = readFileSync(path).length;
  const file = openSync(path, "r+");
  writeSync(file, new Uint8Array(length).fill(0xa5), 0, length, place < 0 ? size + place : place);
}
