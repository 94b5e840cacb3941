/** One round of: publish, kill without warning, open again, and look for what was acknowledged. */

import { openSqliteBroker } from "../../src/broker/sqlite.ts";
import type { Broker } from "../../src/hub/ports.ts";
import { ManualClock } from "./manual-clock.ts";
import { keptMax } from "./store-publisher.ts";

/** What a round found. Every fault is one sentence; there must be none. */
export interface CrashRound {
  readonly acknowledged: number;
  readonly faults: readonly string[];
}

interface Acknowledged {
  readonly room: string;
  readonly offset: number;
  readonly id: string;
}

/** Runs a round on a store that may hold messages of earlier ones. `name` must be new for each. */
export async function runCrashRound(
  path: string,
  name: string,
  killAfterMs: number,
  walBytesMax: number,
): Promise<CrashRound> {
  const acknowledged = await publishAndKill(path, name, killAfterMs, walBytesMax);
  const broker = await openSqliteBroker({
    path,
    durability: "process",
    retention: { messagesMax: 0, ageMsMax: 0, bytesMax: 0 },
    clock: new ManualClock(),
  });
  try {
    return { acknowledged: acknowledged.length, faults: await findFaults(broker, acknowledged) };
  } finally {
    await broker.close();
  }
}

async function publishAndKill(
  path: string,
  name: string,
  killAfterMs: number,
  walBytesMax: number,
): Promise<Acknowledged[]> {
  const program = new URL("store-publisher.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, program, path, name, String(walBytesMax)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const chunk of child.stdout) {
    timer ??= setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    text += Buffer.from(chunk).toString("latin1");
  }
  clearTimeout(timer);
  await child.exited;
  // A last line without its end was cut with its process: its publisher has not seen it.
  return text.split("\n").slice(0, -1).map(parse);
}

async function findFaults(broker: Broker, acknowledged: readonly Acknowledged[]) {
  const faults: string[] = [];
  if (acknowledged.length === 0) faults.push("nothing was acknowledged before the kill");
  for (const { room, first, last } of await broker.rooms("", 100)) {
    const kept = new Map<number, string>();
    for (let after = first - 1; after < last; ) {
      const page = await broker.read(room, after, 1_000, 100_000_000);
      if (page.length === 0) break;
      for (const { offset, id } of page) kept.set(offset, id);
      after = page.at(-1)?.offset ?? last;
    }
    if (kept.size !== last - first + 1) faults.push(`${room} has holes`);
    if (new Set(kept.values()).size !== kept.size) faults.push(`${room} has an id twice`);
    for (const { offset, id } of acknowledged.filter((ack) => ack.room === room)) {
      const isForgotten = offset < first && offset <= last - keptMax;
      if (!isForgotten && kept.get(offset) !== id) faults.push(`${room} lost ${id} at ${offset}`);
    }
  }
  return faults;
}

function parse(line: string): Acknowledged {
  const [room = "", offset = "", id = ""] = line.split(" ");
  return { room, offset: Number(offset), id };
}
