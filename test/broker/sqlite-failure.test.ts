/** A store that cannot be written to says so, keeps what it has, and heals with its fault. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { range } from "../contract/broker-scene.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { FailingStore } from "./failing-store.ts";
import { mountSmallDisk } from "./small-disk.ts";

describe("a store that fails while it runs", () => {
  test("rejects the whole batch, announces nothing of it, and numbers on when it heals", async () => {
    using folder = createTemporaryFolder();
    const store = await FailingStore.open(folder.path);
    await store.publishMany(5);
    for (const [fault, cure, reason] of faults) {
      const before = await store.broker.head("hall");
      store.database.run(fault);
      expect(new Set(await store.publishMany(300))).toEqual(new Set(["unavailable"]));
      expect(store.broker.health()).toBe(reason);
      expect(await store.broker.head("hall")).toEqual(before);
      expect(await store.broker.read("hall", before.last - 1, 10, 100_000)).toHaveLength(1);
      expect(store.announced.length).toBe(before.last);
      store.database.run(cure);
      await store.healed();
      expect(await store.publishMany(2)).toEqual([before.last + 1, before.last + 2]);
      expect(store.announced).toEqual(range(1, before.last + 2));
    }
    await store.broker.close();
  });

  test("is told of once when it breaks and once when it heals, with how long that took", async () => {
    using folder = createTemporaryFolder();
    const store = await FailingStore.open(folder.path);
    store.database.run("PRAGMA query_only = 1");
    for (const _ of range(1, 5)) {
      await store.publishMany(10);
      await store.passTime(1_000);
    }
    store.database.run("PRAGMA query_only = 0");
    await store.healed();
    expect(store.told).toEqual(["broke: The data folder is read-only.", expect.any(String)]);
    const [, outageMs] = /^healed after (\d+) ms$/.exec(store.told[1] ?? "") ?? [];
    expect(Number(outageMs)).toBeGreaterThanOrEqual(5_000);
    await store.broker.close();
  });

  test("tells when to try again, and does not touch the store before", async () => {
    using folder = createTemporaryFolder();
    const store = await FailingStore.open(folder.path);
    store.database.run("PRAGMA query_only = 1");
    await store.publishMany(1);
    store.database.run("PRAGMA query_only = 0");
    const failed = store.broker.publish(store.draft());
    expect(failed).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 1_000 });
    await failed.catch(() => {});
    expect(await store.broker.head("hall")).toMatchObject({ last: 0 });
    await store.broker.close();
  });

  test("forgets nothing, revokes nothing and takes no room away while it cannot be written to", async () => {
    using folder = createTemporaryFolder();
    const store = await FailingStore.open(folder.path);
    await store.publishMany(3);
    store.database.run("PRAGMA query_only = 1");
    await store.publishMany(1);
    expect(store.broker.forget("hall")).rejects.toMatchObject({ code: "unavailable" });
    expect(() => store.broker.revocations.saveUser({ user: "alice", before: 1 })).toThrow(
      "could not be kept",
    );
    store.database.run("PRAGMA query_only = 0");
    await store.healed();
    await store.broker.forget("hall");
    expect(await store.broker.head("hall")).toMatchObject({ first: 4, last: 3 });
    await store.broker.close();
  });

  test("turns publishes away while another program holds the write lock, and heals", async () => {
    using folder = createTemporaryFolder();
    const store = await FailingStore.open(folder.path);
    const other = new Database(store.path);
    other.run("BEGIN IMMEDIATE");
    expect(await store.publishMany(1)).toEqual(["unavailable"]);
    expect(store.broker.health()).toBe("Another program holds the store's lock.");
    await store.passTime(10_000);
    expect(store.broker.health()).toBe("Another program holds the store's lock.");
    other.run("COMMIT");
    other.close(true);
    await store.healed();
    expect(await store.publishMany(1)).toEqual([1]);
    await store.broker.close();
  });

  test("says that its files are read-only, and heals when they are not", async () => {
    using folder = createTemporaryFolder();
    const store = await FailingStore.open(folder.path);
    await store.publishMany(2);
    const files = ["", "-wal"].map((suffix) => store.path + suffix);
    // As a file system that turns read-only does, it also stops writes to files that are open.
    const freeze = (flag: string) => Bun.spawnSync(["chattr", flag, ...files]).success;
    if (Bun.which("chattr") === null || !freeze("+i")) {
      console.warn("Left out: files can be frozen only by root, on some file systems of Linux.");
      await store.broker.close();
      return;
    }
    try {
      expect(await store.publishMany(1)).toEqual(["unavailable"]);
      expect(store.broker.health()).toBe("The data folder is read-only.");
    } finally {
      freeze("-i");
    }
    await store.healed();
    expect(await store.publishMany(1)).toEqual([3]);
    expect(store.announced).toEqual([1, 2, 3]);
    await store.broker.close();
  });

  test("heals after a full disk, once there is room again", async () => {
    using disk = mountSmallDisk();
    if (disk === undefined) return;
    const store = await FailingStore.open(disk.path);
    await store.publishMany(3);
    const filler = join(disk.path, "filler");
    writeFileSync(filler, new Uint8Array(disk.bytes - 1_000_000));
    const published = await store.publishMany(1_000);
    const last = published.filter((answer) => typeof answer === "number").length + 3;
    expect(published).toContain("unavailable");
    expect(store.broker.health()).toBe("The disk is full.");
    expect(await store.broker.head("hall")).toMatchObject({ last });
    await store.passTime(20_000);
    expect(store.broker.health()).toBe("The disk is full.");
    rmSync(filler);
    await store.healed();
    expect(await store.publishMany(2)).toEqual([last + 1, last + 2]);
    const kept = await store.broker.read("hall", 0, 10_000, 1_000_000_000);
    expect(kept.map(({ offset }) => offset)).toEqual(range(1, last + 2));
    expect(store.announced).toEqual(range(1, last + 2));
    await store.broker.close();
  });

  test("that cannot be read says so, once a minute for whoever runs it, and is written to", async () => {
    using folder = createTemporaryFolder();
    const store = await FailingStore.open(folder.path);
    await store.publishMany(1);
    store.database.run("ALTER TABLE messages RENAME COLUMN from_name TO lost");
    for (let second = 0; second < 90; second += 1) {
      const read = store.broker.read("hall", 0, 10, 100_000);
      expect(read).rejects.toMatchObject({ code: "unavailable" });
      await read.catch(() => {});
      await store.passTime(1_000);
    }
    expect(store.told).toEqual(Array(2).fill(expect.stringMatching(/^failed: no such column/)));
    expect(store.broker.health()).toBeNull();
    await store.broker.close();
  });

  test("closes while it cannot be written to, and keeps what it had", async () => {
    using folder = createTemporaryFolder();
    const store = await FailingStore.open(folder.path);
    await store.publishMany(3);
    store.database.run("PRAGMA query_only = 1");
    await store.publishMany(1);
    const late = store.publishMany(2);
    await store.broker.close();
    expect(await late).toEqual(["unavailable", "unavailable"]);
    const again = await FailingStore.open(folder.path);
    expect(await again.publishMany(1)).toEqual([4]);
    await again.broker.close();
  });

  test("turns publishes away when too many wait, in number or in bytes, and takes the others", async () => {
    using folder = createTemporaryFolder();
    const few = await FailingStore.open(folder.path, { pendingMessagesMax: 10 });
    expect(await few.publishMany(13)).toEqual([
      ...range(1, 10),
      "unavailable",
      "unavailable",
      "unavailable",
    ]);
    expect(few.broker.health()).toBeNull();
    await few.broker.close();
    const small = await FailingStore.open(folder.path, { pendingBytesMax: 25_000 });
    expect(await small.publishMany(3)).toEqual([11, 12, "unavailable"]);
    expect(await small.publishMany(1)).toEqual([13]);
    await small.broker.close();
  });
});

/** Faults that SQLite reports as a full disk and as a read-only one, and how they end. */
const faults: readonly [fault: string, cure: string, reason: string][] = [
  ["PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000", "The disk is full."],
  ["PRAGMA query_only = 1", "PRAGMA query_only = 0", "The data folder is read-only."],
];
