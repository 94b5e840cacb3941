/** Revocations in the store: across restarts, from older stores, and on a store that fails. */

import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { Revocations } from "../../src/auth/revocations.ts";
import messages from "../../src/broker/schema/0001_messages.sql" with { type: "text" };
import { openSqliteBroker, type SqliteBroker } from "../../src/broker/sqlite.ts";
import { applicationId } from "../../src/broker/store-inspection.ts";
import { StoreRevocations } from "../../src/broker/store-revocations.ts";
import { noBounds } from "../contract/broker-scene.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

const clock = new ManualClock();
let folder: TemporaryFolder;

beforeEach(() => {
  folder = createTemporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

async function open(): Promise<SqliteBroker> {
  const path = join(folder.path, "partyline.db");
  return openSqliteBroker({ path, durability: "process", retention: noBounds, clock });
}

test("revocations are there again after a restart, but not those that ran out", async () => {
  const first = await open();
  const before = new Revocations(clock, first.revocations);
  await before.revokeToken("never", null);
  await before.revokeToken("later", clock.now() + 60_000);
  await before.revokeToken("soon", clock.now() + 1_000);
  await before.revokeUser("алиса", 4);
  await before.revokeUser("алиса", 5);
  await first.close();
  clock.advance(1_000);

  const second = await open();
  const after = new Revocations(clock, second.revocations);
  const user = { id: "алиса", name: "A" };
  const other = { id: "bob", name: "B" };
  expect(after.isRevoked({ id: "never", user: other, issuedAt: 9 })).toBe(true);
  expect(after.isRevoked({ id: "later", user: other, issuedAt: 9 })).toBe(true);
  expect(after.isRevoked({ id: null, user, issuedAt: 4 })).toBe(true);
  expect(after.isRevoked({ id: null, user, issuedAt: 5 })).toBe(false);
  await after.revokeToken("another", null);
  expect(
    second.revocations
      .tokens()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(["another", "later", "never"]);
  await second.close();
});

test("a store of the version before is brought up to date, and keeps its messages", async () => {
  const path = join(folder.path, "partyline.db");
  const old = new Database(path, { create: true });
  old.run(messages);
  old.run(`PRAGMA user_version = 1; PRAGMA application_id = ${applicationId}`);
  old.run("INSERT INTO rooms (name) VALUES ('hall')");
  old.run("INSERT INTO messages VALUES (1, 1, 1, 5, 4, 'a', 'b', 'c', '\"hi\"')");
  old.close(true);
  const broker = await open();
  await broker.revocations.saveToken({ id: "t1", until: null });
  expect(broker.revocations.tokens()).toEqual([{ id: "t1", until: null }]);
  expect((await broker.head("hall")).last).toBe(1);
  await broker.close();
});

test("the durability of messages is as before after a revocation", async () => {
  const database = new Database(join(folder.path, "x.db"), { create: true });
  database.run("CREATE TABLE revoked_tokens (id TEXT PRIMARY KEY, until INTEGER)");
  const store = new StoreRevocations(
    () => database,
    () => {},
  );
  for (const [word, level] of [
    ["NORMAL", 1],
    ["FULL", 2],
  ] as const) {
    database.run(`PRAGMA synchronous = ${word}`);
    await store.saveToken({ id: word, until: 5 });
    expect(database.query("PRAGMA synchronous").values()).toEqual([[level]]);
  }
  database.close();
});

test("a store that cannot be written to says so, and the failure is told", async () => {
  const database = new Database(":memory:");
  const failures: unknown[] = [];
  const store = new StoreRevocations(
    () => database,
    (error) => failures.push(error),
  );
  const refusal = "could not be kept";
  await expect(store.saveToken({ id: "t1", until: null })).rejects.toThrow(refusal);
  await expect(store.saveUser({ user: "alice", before: 5 })).rejects.toThrow(refusal);
  store.forget(5);
  expect(failures).toHaveLength(3);
  database.close();
});
