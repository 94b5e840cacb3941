/** A store with messages in it, which nobody has open. */

import { join } from "node:path";
import { openSqliteBroker, type SqliteBroker } from "../../src/broker/sqlite.ts";
import { deaf } from "./deaf.ts";
import { ManualClock } from "./manual-clock.ts";

/** When the first message of a filled store came; each one after it a second later. */
export const filledSince = 1_763_690_000_000;

/** Publishes `count` messages, in turn to the rooms `room-0` to `room-2`. */
export async function publishTo(broker: SqliteBroker, count: number, from = 0): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      broker.publish({
        room: `room-${index % 3}`,
        id: `${from + index}`,
        from: { id: "alice", name: "Alice" },
        at: filledSince + (from + index) * 1_000,
        body:
          index % 2 === 0
            ? { kind: "json", json: JSON.stringify({ text: "ü".repeat(index) }) }
            : { kind: "bytes", bytes: new Uint8Array(index) },
      }),
    ),
  );
}

/** Opens the store of a data folder as a server does. */
export async function openStore(folder: string, bootId = "boot"): Promise<SqliteBroker> {
  const broker = await openSqliteBroker({
    path: join(folder, "partyline.db"),
    durability: "process",
    retention: { messagesMax: 0, ageMsMax: 0, bytesMax: 0 },
    clock: new ManualClock(),
    bootId,
  });
  await broker.start(deaf);
  return broker;
}

/** Makes a store of 90 messages in a data folder, of which the first of `room-0` are forgotten. */
export async function fillStore(folder: string): Promise<string> {
  const broker = await openStore(folder);
  await publishTo(broker, 30);
  await broker.forget("room-0");
  await publishTo(broker, 60, 30);
  await broker.close();
  return join(folder, "partyline.db");
}
