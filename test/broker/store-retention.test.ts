/** A store's file stays as large as what it keeps. */

import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { openSqliteBroker } from "../../src/broker/sqlite.ts";
import { noBounds, range } from "../contract/broker-scene.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

test("a store's file stops growing under steady writing, and no room exceeds its bound by much", async () => {
  using folder = createTemporaryFolder();
  const path = join(folder.path, "partyline.db");
  const clock = new ManualClock();
  const retention = { ...noBounds, messagesMax: 400 };
  // Without a thread there is no hold, which would put slices off by the system's time.
  const options = { path, durability: "process", retention, clock, hasThread: false } as const;
  const broker = await openSqliteBroker(options);
  const from = { id: "alice", name: "Alice" };
  const body = { kind: "json", json: JSON.stringify("x".repeat(1_000)) } as const;
  for (const round of range(1, 120)) {
    const drafts = range(1, 160).map((n) => ({
      room: `room-${n % 8}`,
      id: crypto.randomUUID(),
      from,
      at: clock.now(),
      body,
    }));
    await Promise.all(drafts.map((draft) => broker.publish(draft)));
    // Some milliseconds, as pass between two batches of a busy server: no sweep comes due.
    clock.advance(5);
    const { first, last } = await broker.head("room-1");
    expect(last).toBe(round * 20);
    expect(last - first + 1).toBeLessThanOrEqual(400 + 25 + 20);
  }
  await broker.close();
  const keptBytes = 8 * 445 * 1_200;
  expect(statSync(path).size).toBeLessThan(keptBytes * 2);
}, 30_000);

test("a room that is written to fast does not keep the others from being trimmed", async () => {
  using folder = createTemporaryFolder();
  const path = join(folder.path, "partyline.db");
  const clock = new ManualClock();
  const retention = { ...noBounds, messagesMax: 10 };
  const options = { path, retention, clock, durability: "process", hasThread: false } as const;
  const filled = await openSqliteBroker({ ...options, retention: noBounds });
  const from = { id: "alice", name: "Alice" };
  const body = { kind: "json", json: "1" } as const;
  const publish = (broker: typeof filled, room: string, count: number) =>
    Promise.all(
      range(1, count).map(() =>
        broker.publish({ room, id: crypto.randomUUID(), from, at: clock.now(), body }),
      ),
    );
  await publish(filled, "busy", 12_000);
  for (const n of range(1, 20)) await publish(filled, `quiet-${n}`, 30);
  await filled.close();
  const broker = await openSqliteBroker(options);
  // One sweep and a few slices: the quiet rooms are done long before the busy one is.
  clock.advance(1_006);
  for (const n of range(1, 20)) expect((await broker.head(`quiet-${n}`)).first).toBe(21);
  expect((await broker.head("busy")).first).toBeLessThan(12_000 - 10);
  clock.advance(2_000);
  expect((await broker.head("busy")).first).toBe(12_000 - 9);
  await broker.close();
});
