/** After its disk failed a store is opened again, and what it lost or kept is found out. */

import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { StoreFile } from "../../src/broker/store-file.ts";
import { range } from "../contract/broker-scene.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { FailingStore } from "./failing-store.ts";
import { mountFailingDisk } from "./small-disk.ts";

describe("a commit that fails at its last step", () => {
  for (const wasStored of [true, false]) {
    const fate = wasStored ? "was stored all the same" : "was not stored";
    test(`and ${fate} leaves no hole and nothing twice`, async () => {
      using folder = createTemporaryFolder();
      let fails = false;
      const wrap = (file: StoreFile) => failCommits(file, wasStored, () => fails);
      const store = await FailingStore.open(folder.path, { wrap });
      expect(await store.publishMany(2)).toEqual([1, 2]);
      const draft = store.draft();
      fails = true;
      expect(store.broker.publish(draft)).rejects.toMatchObject({ code: "unavailable" });
      await Bun.sleep(1);
      expect(store.broker.health()).toBe("The disk reports an error.");
      expect(store.announced).toEqual([1, 2]);
      fails = false;
      await store.healed();
      expect(store.announced).toEqual(wasStored ? [1, 2, 3] : [1, 2]);
      const { offset, duplicate } = await store.broker.publish(draft);
      expect({ offset, duplicate }).toEqual({ offset: 3, duplicate: wasStored });
      expect(await store.publishMany(1)).toEqual([4]);
      expect(store.announced).toEqual([1, 2, 3, 4]);
      const kept = await store.broker.read("hall", 0, 10, 1_000_000);
      expect(kept.map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
      await store.broker.close();
    });
  }
});

describe("a store whose files are taken from under it", () => {
  test("acknowledges nothing while its folder is elsewhere, and goes on when it is back", async () => {
    using folder = createTemporaryFolder();
    const data = join(folder.path, "data");
    mkdirSync(data);
    const store = await FailingStore.open(data);
    await store.publishMany(2);
    renameSync(data, `${data}-away`);
    expect(await store.publishMany(2)).toEqual(["unavailable", "unavailable"]);
    expect(store.broker.health()).toBe("The store is gone from the data folder.");
    await store.passTime(5_000);
    expect(existsSync(data)).toBe(false);
    renameSync(`${data}-away`, data);
    await store.healed();
    expect(await store.publishMany(1)).toEqual([3]);
    await store.broker.close();
  });

  test("stays down when its folder was deleted, and makes no empty store by itself", async () => {
    using folder = createTemporaryFolder();
    const data = join(folder.path, "data");
    mkdirSync(data);
    const store = await FailingStore.open(data);
    await store.publishMany(2);
    rmSync(data, { recursive: true });
    expect(await store.publishMany(1)).toEqual(["unavailable"]);
    await store.passTime(30_000);
    expect(store.broker.health()).toBe("The store is gone from the data folder.");
    expect(await store.broker.read("hall", 0, 10, 100_000)).toHaveLength(2); // what is open is read
    expect(existsSync(data)).toBe(false);
    await store.broker.close();
  });

  test("keeps what its write-ahead log held when that is deleted", async () => {
    using folder = createTemporaryFolder();
    const store = await FailingStore.open(folder.path);
    await store.publishMany(20);
    rmSync(`${store.path}-wal`);
    expect(await store.publishMany(1)).toEqual(["unavailable"]);
    expect(store.broker.health()).toBe("A file of the store was replaced in the data folder.");
    await store.healed();
    expect(await store.publishMany(1)).toEqual([21]);
    await store.broker.close();
    expect(await countAgain(folder.path)).toBe(21);
  });

  test("is not mixed with another store that lies in its place, and leaves that one alone", async () => {
    using folder = createTemporaryFolder();
    using elsewhere = createTemporaryFolder();
    const other = await FailingStore.open(elsewhere.path);
    await other.publishMany(7);
    const store = await FailingStore.open(folder.path);
    await store.publishMany(2);
    const { epoch } = await store.broker.head("hall");
    for (const suffix of ["", "-wal"]) {
      rmSync(store.path + suffix);
      copyFileSync(other.path + suffix, store.path + suffix);
    }
    expect(await store.publishMany(1)).toEqual(["unavailable"]);
    await store.says(/^Another store lies in the place of this one/);
    expect(store.told).toEqual([
      "broke: A file of the store was replaced in the data folder.",
      `broke: ${store.broker.health()}`,
    ]);
    await store.broker.close();
    const again = await FailingStore.open(folder.path);
    expect(await again.broker.head("hall")).toMatchObject({ last: 7 });
    expect((await again.broker.head("hall")).epoch).not.toBe(epoch);
    await again.broker.close();
    await other.broker.close();
  });

  test("gives no position out twice when an older copy of it lies in its place", async () => {
    using folder = createTemporaryFolder();
    const first = await FailingStore.open(folder.path);
    await first.publishMany(5);
    await first.broker.close();
    copyFileSync(first.path, join(folder.path, "older.db"));
    const store = await FailingStore.open(folder.path);
    await store.publishMany(5);
    const { epoch } = await store.broker.head("hall");
    rmSync(store.path);
    rmSync(`${store.path}-wal`);
    copyFileSync(join(folder.path, "older.db"), store.path);
    expect(await store.publishMany(1)).toEqual(["unavailable"]);
    await store.says(/^The disk lost messages that were stored/);
    await store.broker.close();
    const again = await FailingStore.open(folder.path);
    expect(await again.publishMany(1)).toEqual([6]);
    expect((await again.broker.head("hall")).epoch).not.toBe(epoch);
    await again.broker.close();
  });
});

test("a disk whose flush fails loses nothing that was acknowledged, with 'power'", async () => {
  using disk = mountFailingDisk();
  if (disk === undefined) return;
  const store = await FailingStore.open(disk.path, { durability: "power" });
  const before = (await store.publishMany(20)).length;
  disk.fail();
  const answers: (number | string)[] = [];
  while (store.broker.health() === null && answers.length < 2_000) {
    answers.push(...(await store.publishMany(10)));
  }
  expect(store.broker.health()).not.toBeNull();
  const last = before + answers.filter((answer) => typeof answer === "number").length;
  expect(await store.broker.head("hall")).toMatchObject({ last });
  await store.passTime(10_000);
  expect(store.broker.health()).not.toBeNull();
  disk.cure();
  await store.healed();
  expect(await store.publishMany(1)).toEqual([store.announced.length]);
  expect(store.announced).toEqual(range(1, store.announced.length));
  expect(store.announced.length).toBeGreaterThan(last);
  await store.broker.close();
  expect(await countAgain(disk.path)).toBe(store.announced.length);
}, 30_000);

async function countAgain(folder: string): Promise<number> {
  const again = await FailingStore.open(folder);
  const kept = await again.broker.read("hall", 0, 10_000, 1_000_000_000);
  await again.broker.close();
  return kept.length;
}

/** Lets each COMMIT of a store report that the disk failed, after it did its work or in its place. */
function failCommits(file: StoreFile, doesWork: boolean, fails: () => boolean): StoreFile {
  const { database } = file;
  const prepare = database.prepare.bind(database);
  database.prepare = ((sql: string) => {
    const statement = prepare(sql);
    if (sql !== "COMMIT") return statement;
    const run = statement.run.bind(statement);
    statement.run = () => {
      if (!fails()) return run();
      if (doesWork) run();
      throw Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" });
    };
    return statement;
  }) as typeof database.prepare;
  return file;
}
