/** One round of: publish, kill without warning, open again, and look for what was acknowledged. */

import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { openSqliteBroker } from "../../src/broker/sqlite.ts";
import { checkStore } from "../../src/broker/store-check.ts";
import type { StoreDurability } from "../../src/broker/store-life.ts";
import type { Broker } from "../../src/hub/ports.ts";
import { type Phase, PhaseBoard } from "./crash-phase.ts";
import { ManualClock } from "./manual-clock.ts";
import { keptMax } from "./store-publisher.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

/** A message that was acknowledged, or is known to be stored. */
export interface Acknowledged {
  readonly room: string;
  readonly offset: number;
  readonly id: string;
}

/** How a round goes. */
export interface CrashPlan {
  /** A store that may hold messages of earlier rounds; it is left as the kill left it. */
  readonly path: string;
  /** New for each round. */
  readonly name: string;
  /** What the program should be doing when it is killed; any moment if left out. */
  readonly aim?: Phase;
  /** Milliseconds after the first acknowledgement, or with `opening` and `schema` after the start. */
  readonly killAfterMs: number;
  readonly walBytesMax: number;
  readonly durability: StoreDurability;
  /** What was acknowledged before, and must still be there unless it was forgotten by its number. */
  readonly known: readonly Acknowledged[];
}

/** What a round found. Every fault is one sentence; there must be none. */
export interface CrashRound {
  readonly acknowledged: readonly Acknowledged[];
  /** What the program was doing when it died. */
  readonly phase: string;
  readonly faults: readonly string[];
  /** Of the numbering, once opened again: nothing is lost, so it is the one from before. */
  readonly epoch: string;
}

/** A program that is never seen at what it should be killed in is killed all the same. */
const aimMsMax = 3_000;

/** Runs a round. The store is looked at in a copy, so that the next round begins from the crash. */
export async function runCrashRound(plan: CrashPlan): Promise<CrashRound> {
  using folder = createTemporaryFolder();
  const boardPath = join(folder.path, "board");
  const board = PhaseBoard.create(boardPath);
  const acknowledged = await publishAndKill(plan, boardPath, board);
  const { phase } = board;
  const copy = join(folder.path, "partyline.db");
  for (const suffix of ["", "-wal", "-journal"]) {
    if (existsSync(plan.path + suffix)) copyFileSync(plan.path + suffix, copy + suffix);
  }
  const faults: string[] = [];
  const isEarly = plan.aim === "opening" || plan.aim === "schema";
  if (acknowledged.length === 0 && !isEarly) faults.push("nothing was acknowledged");
  // A store that was killed in its first start is only made whole by the next one.
  if (existsSync(copy) && Bun.file(copy).size > 0 && !existsSync(`${copy}-journal`)) {
    const report = await checkStore(copy, () => {});
    faults.push(...report.faults);
  }
  const broker = await openSqliteBroker({
    path: copy,
    durability: "process",
    retention: { messagesMax: 0, ageMsMax: 0, bytesMax: 0 },
    clock: new ManualClock(),
  });
  faults.push(...(await findFaults(broker, [...plan.known, ...acknowledged])));
  const { epoch } = await broker.head("room-0");
  await broker.close();
  return { acknowledged, phase, faults, epoch };
}

async function publishAndKill(
  plan: CrashPlan,
  boardPath: string,
  board: PhaseBoard,
): Promise<Acknowledged[]> {
  const { path, name, aim, killAfterMs, walBytesMax, durability } = plan;
  const program = new URL("store-publisher.ts", import.meta.url).pathname;
  const given = [path, name, String(walBytesMax), durability, boardPath];
  const child = Bun.spawn([process.execPath, program, ...given], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  const { promise: firstAck, resolve } = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const chunk of child.stdout) {
      text += Buffer.from(chunk).toString("latin1");
      resolve();
    }
    resolve(); // it died by itself
  })();
  if (aim !== "opening" && aim !== "schema") await firstAck;
  await Bun.sleep(killAfterMs);
  if (aim !== undefined) await seen(board, aim);
  child.kill("SIGKILL");
  await Promise.all([child.exited, reading]);
  // A last line without its end was cut with its process: its publisher has not seen it.
  return text.split("\n").slice(0, -1).map(parse);
}

/** Resolves within microseconds of the program being seen at something, and a little into it. */
async function seen(board: PhaseBoard, aim: Phase): Promise<void> {
  const end = performance.now() + aimMsMax;
  const into = Math.random() ** 2 * 0.3;
  while (performance.now() < end) {
    const breath = performance.now() + 2;
    while (performance.now() < breath) {
      if (board.phase !== aim) continue;
      const moment = performance.now() + into;
      while (performance.now() < moment && board.phase === aim);
      return;
    }
    await Bun.sleep(0); // so that acknowledgements are taken from the pipe
  }
}

async function findFaults(broker: Broker, acknowledged: readonly Acknowledged[]) {
  const faults: string[] = [];
  const rooms = await broker.rooms("", 100);
  const byRoom = Map.groupBy(acknowledged, ({ room }) => room);
  for (const room of byRoom.keys()) {
    if (!rooms.some((logged) => logged.room === room)) faults.push(`${room} is gone`);
  }
  for (const { room, first, last } of rooms) {
    const kept = new Map<number, string>();
    for (let after = first - 1; after < last; ) {
      const page = await broker.read(room, after, 1_000, 100_000_000);
      if (page.length === 0) break;
      for (const { offset, id } of page) kept.set(offset, id);
      after = page.at(-1)?.offset ?? last;
    }
    if (kept.size !== last - first + 1) faults.push(`${room} has holes`);
    if (new Set(kept.values()).size !== kept.size) faults.push(`${room} has an id twice`);
    for (const { offset, id } of byRoom.get(room) ?? []) {
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
