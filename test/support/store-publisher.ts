/**
 * A program that publishes into a store as fast as it can until it is killed, and writes a line
 * `room offset id` for each message that was acknowledged. Arguments: path, name, walBytesMax,
 * durability, and the file of a {@link PhaseBoard}.
 */

import { writeSync } from "node:fs";
import { openSqliteBroker } from "../../src/broker/sqlite.ts";
import { PhaseBoard, showPhases } from "./crash-phase.ts";
import { deaf } from "./deaf.ts";

const [path = "", name = "", walBytesMax = "", durability = "", boardPath = ""] =
  process.argv.slice(2);
const rooms = 4;
const inFlight = 64;

/** Messages of each room that the program keeps. */
export const keptMax = 1_000;

if (import.meta.main) await publish();

async function publish(): Promise<void> {
  const board = new PhaseBoard(boardPath);
  showPhases(board);
  board.set("opening");
  const broker = await openSqliteBroker({
    path,
    durability: durability === "power" ? "power" : "process",
    retention: { messagesMax: keptMax, ageMsMax: 0, bytesMax: 0 },
    clock: {
      now: Date.now,
      after(delayMs, act) {
        const timer = setTimeout(act, delayMs);
        return () => clearTimeout(timer);
      },
    },
    walBytesMax: Number(walBytesMax),
  });
  board.set("between");
  await broker.start(deaf);
  for (let n = 0; n < inFlight; n += 1) publishFrom(n);

  function publishFrom(n: number): void {
    const draft = {
      room: `room-${n % rooms}`,
      id: `${name}-${n}`,
      from: { id: "alice", name: "Alice" },
      at: Date.now(),
      body: { kind: "json", json: JSON.stringify("x".repeat(n % 3_000)) },
    } as const;
    broker.publish(draft).then(({ offset }) => {
      // Written at once and by the kernel, so that it outlives the process as a network ack would.
      writeSync(1, `${draft.room} ${offset} ${draft.id}\n`);
      publishFrom(n + inFlight);
    });
  }
}
