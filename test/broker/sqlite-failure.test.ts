/** A store that cannot be written to says so, keeps what it has, and heals with its fault. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteBroker } from "../../src/broker/sqlite.ts";
import { openStoreFile } from "../../src/broker/store-file.ts";
import type { Body } from "../../src/hub/message.ts";
import { codeOf, noBounds, range } from "../contract/broker-scene.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { mountSmallDisk } from "./small-disk.ts";

const body: Body = { kind: "bytes", bytes: new Uint8Array(10_000) };

describe("a store that fails while it runs", () => {
  test("rejects the whole batch, announces nothing of it, and numbers on when it heals", async () => {
    using folder = createTemporaryFolder();
    const store = await open(folder.path);
    await store.publishMany(5);
    for (const [fault, cure] of faults) {
      const before = await store.broker.head("hall");
      store.database.run(fault);
      expect(new Set(await store.publishMany(300))).toEqual(new Set(["unavailable"]));
      expect(store.failures).toBeGreaterThan(0);
      expect(await store.broker.head("hall")).toEqual(before);
      expect(store.announced).toBe(before.last);
      store.database.run(cure);
      expect(await store.publishMany(2)).toEqual([before.last + 1, before.last + 2]);
      expect(store.announced).toBe(before.last + 2);
    }
    await store.broker.close();
  });

  test("tells when to try again", async () => {
    using folder = createTemporaryFolder();
    const store = await open(folder.path);
    store.database.run("PRAGMA query_only = 1");
    const failed = store.broker.publish(store.draft());
    expect(failed).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 1_000 });
    await failed.catch(() => {});
    await store.broker.close();
  });

  test("fails quickly while another program holds the write lock, and heals", async () => {
    using folder = createTemporaryFolder();
    const store = await open(folder.path);
    const other = new Database(join(folder.path, "partyline.db"));
    other.run("BEGIN IMMEDIATE");
    expect(await store.publishMany(1)).toEqual(["unavailable"]);
    other.run("COMMIT");
    other.close(true);
    expect(await store.publishMany(1)).toEqual([1]);
    await store.broker.close();
  });

  test("heals after a full disk", async () => {
    using disk = mountSmallDisk();
    if (disk === undefined) return;
    const store = await open(disk.path);
    await store.publishMany(3);
    const filler = join(disk.path, "filler");
    writeFileSync(filler, new Uint8Array(disk.bytes - 1_000_000));
    const published = await store.publishMany(1_000);
    const last = published.filter((answer) => typeof answer === "number").length + 3;
    expect(published).toContain("unavailable");
    rmSync(filler);
    expect(await store.publishMany(2)).toEqual([last + 1, last + 2]);
    const kept = await store.broker.read("hall", 0, 10_000, 1_000_000_000);
    expect(kept.map(({ offset }) => offset)).toEqual(range(1, last + 2));
    expect(store.announced).toBe(last + 2);
    await store.broker.close();
  });

  test("turns publishes away when too many wait, in number or in bytes, and takes the others", async () => {
    using folder = createTemporaryFolder();
    const few = await open(folder.path, { pendingMessagesMax: 10 });
    expect(await few.publishMany(13)).toEqual([
      ...range(1, 10),
      "unavailable",
      "unavailable",
      "unavailable",
    ]);
    await few.broker.close();
    const small = await open(folder.path, { pendingBytesMax: 25_000 });
    expect(await small.publishMany(3)).toEqual([11, 12, "unavailable"]);
    expect(await small.publishMany(1)).toEqual([13]);
    await small.broker.close();
  });
});

/** Faults that SQLite reports as a full disk and as a read-only one, and how they end. */
const faults: readonly [fault: string, cure: string][] = [
  ["PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"],
  ["PRAGMA query_only = 1", "PRAGMA query_only = 0"],
];

async function open(
  folder: string,
  bounds: { pendingMessagesMax?: number; pendingBytesMax?: number } = {},
) {
  const path = join(folder, "partyline.db");
  const file = openStoreFile(path, "process", "");
  let ids = 0;
  const name = crypto.randomUUID();
  const store = {
    database: file.database,
    failures: 0,
    announced: 0,
    broker: new SqliteBroker(file, {
      path,
      durability: "process",
      retention: noBounds,
      clock: new ManualClock(),
      onFailure: () => {
        store.failures += 1;
      },
      ...bounds,
    }),
    draft: () => {
      ids += 1;
      return { room: "hall", id: `${name}-${ids}`, from, at: ids, body };
    },
    /** The offset of each, or the code of its error. */
    publishMany: (count: number) =>
      Promise.all(
        range(1, count).map(async () => {
          const published = store.broker.publish(store.draft());
          return published.then(({ offset }) => offset).catch(() => codeOf(published));
        }),
      ),
  };
  await store.broker.start((messages) => {
    store.announced += messages.length;
  });
  return store;
}

const from = { id: "alice", name: "Alice" };
