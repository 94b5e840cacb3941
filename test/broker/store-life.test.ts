/** When the numbering of a store gets a new name. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openSqliteBroker } from "../../src/broker/sqlite.ts";
import { readBootId, type StoreDurability } from "../../src/broker/store-life.ts";
import { noBounds } from "../contract/broker-scene.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

const lives: readonly {
  readonly what: string;
  readonly durability: StoreDurability;
  readonly bootIds: readonly [before: string, after: string];
  readonly ends: "closed" | "cut";
  readonly keeps: boolean;
}[] = [
  {
    what: "closed, same start",
    durability: "process",
    bootIds: ["a", "a"],
    ends: "closed",
    keeps: true,
  },
  {
    what: "closed, machine restarted",
    durability: "process",
    bootIds: ["a", "b"],
    ends: "closed",
    keeps: true,
  },
  {
    what: "killed, same start",
    durability: "process",
    bootIds: ["a", "a"],
    ends: "cut",
    keeps: true,
  },
  {
    what: "killed, machine restarted",
    durability: "process",
    bootIds: ["a", "b"],
    ends: "cut",
    keeps: false,
  },
  {
    what: "flushed, machine restarted",
    durability: "power",
    bootIds: ["a", "b"],
    ends: "cut",
    keeps: true,
  },
  {
    what: "killed, start unknown before",
    durability: "process",
    bootIds: ["", "b"],
    ends: "cut",
    keeps: true,
  },
  {
    what: "killed, start unknown now",
    durability: "process",
    bootIds: ["a", ""],
    ends: "cut",
    keeps: true,
  },
];

describe("the epoch of a store", () => {
  for (const { what, durability, bootIds, ends, keeps } of lives) {
    test(`${keeps ? "stays" : "changes"}: ${what}`, async () => {
      using folder = createTemporaryFolder();
      const { epoch, path } = await live(folder, durability, bootIds[0], ends);
      const broker = await open(path, "process", bootIds[1]);
      const published = await broker.publish(draft("second"));
      expect(published.offset).toBe(2); // Numbering goes on either way.
      if (keeps) expect(published.epoch).toBe(epoch);
      else expect(published.epoch).not.toBe(epoch);
      await broker.close();
      const again = await open(path, "process", bootIds[1]);
      expect((await again.head("hall")).epoch).toBe(published.epoch);
      await again.close();
    });
  }

  test("stays when a life with flushed commits followed one on the same start", async () => {
    using folder = createTemporaryFolder();
    const first = await live(folder, "process", "a", "cut");
    using next = createTemporaryFolder();
    const second = await live(next, "power", "a", "cut", first.path);
    const third = await open(second.path, "power", "b");
    expect((await third.head("hall")).epoch).toBe(first.epoch);
    await third.close();
  });

  for (const durability of ["process", "power"] as const) {
    test(`changes: ${durability}, cut off, and the write-ahead log lost`, async () => {
      using folder = createTemporaryFolder();
      const { epoch, path } = await live(folder, durability, "a", "cut");
      rmSync(`${path}-wal`);
      const broker = await open(path, durability, "a");
      const published = await broker.publish(draft("second"));
      expect(published.offset).toBe(1); // The number of another message before.
      expect(published.epoch).not.toBe(epoch);
      await broker.close();
    });
  }

  test("stays when starts are cut off one after the other", async () => {
    using folder = createTemporaryFolder();
    const first = await live(folder, "process", "a", "cut");
    using second = createTemporaryFolder();
    using third = createTemporaryFolder();
    const start = async (from: string, { path }: TemporaryFolder) => {
      const running = join(path, "running.db");
      copyStore(from, running);
      const broker = await open(running, "process", "a");
      const copy = join(path, "partyline.db");
      copyStore(running, copy);
      await broker.close();
      return copy;
    };
    const last = await start(await start(first.path, second), third);
    const broker = await open(last, "process", "a");
    expect((await broker.head("hall")).epoch).toBe(first.epoch);
    await broker.close();
  });

  test("differs from store to store", async () => {
    using one = createTemporaryFolder();
    using two = createTemporaryFolder();
    const { epoch } = await live(one, "process", "a", "closed");
    expect((await live(two, "process", "a", "closed")).epoch).not.toBe(epoch);
  });

  test("is marked as begun before the first message can be stored", async () => {
    using folder = createTemporaryFolder();
    const path = join(folder.path, "partyline.db");
    const broker = await open(path, "process", "a");
    const reader = new Database(path, { readonly: true });
    const meta = reader.query("SELECT key, value FROM meta ORDER BY key").values();
    expect(Object.fromEntries(meta.map(([key, value]) => [String(key), value]))).toMatchObject({
      boot_id: "a",
      clean: "0",
      durability: "process",
    });
    reader.close(true);
    await broker.close();
  });
});

test.if(process.platform === "linux")("a machine's start has a name that stays", () => {
  expect(readBootId()).toMatch(/^[0-9a-f-]{36}$/);
  expect(readBootId()).toBe(readBootId());
});

/** Lives one life with a message in it. A cut one is a copy of the files as they were while it ran. */
async function live(
  folder: TemporaryFolder,
  durability: StoreDurability,
  bootId: string,
  ends: "closed" | "cut",
  from?: string,
): Promise<{ epoch: string; path: string }> {
  const path = join(folder.path, "running.db");
  if (from !== undefined) copyStore(from, path);
  const broker = await open(path, durability, bootId);
  const { epoch } = await broker.publish(draft("first"));
  const copy = join(folder.path, "partyline.db");
  if (ends === "cut") copyStore(path, copy);
  await broker.close();
  return { epoch, path: ends === "cut" ? copy : path };
}

/** Copies a store as a crash would leave it: the file and its write-ahead log. */
function copyStore(from: string, to: string): void {
  for (const suffix of ["", "-wal"]) {
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
  }
}

function open(path: string, durability: StoreDurability, bootId: string) {
  const clock = new ManualClock();
  return openSqliteBroker({ path, durability, bootId, clock, retention: noBounds });
}

function draft(id: string) {
  const from = { id: "alice", name: "Alice" };
  return { room: "hall", id, from, at: 0, body: { kind: "json", json: "1" } } as const;
}
