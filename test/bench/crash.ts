/**
 * Kills a publishing process again and again, aimed at each thing that a store does, and looks for
 * what it acknowledged. `bun test/bench/crash.ts --rounds 50`; exit code 1 when anything is missing,
 * twice there, at another place, or not sound, or when readers would be told of a loss.
 */

import { Database } from "bun:sqlite";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { applicationId } from "../../src/broker/store-inspection.ts";
import { type Phase, phases } from "../support/crash-phase.ts";
import { type Acknowledged, type CrashPlan, runCrashRound } from "../support/crash-round.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "50" } } });
const rounds = Number(values.rounds);
/** In turn; those without an aim die at any moment. */
const aims: readonly (Phase | undefined)[] = [
  ...(["commit", "checkpoint", "retention", "schema", "opening", "writing"] as const),
  undefined,
  ...(["commit", "checkpoint", "retention"] as const),
];

using folder = createTemporaryFolder();
const rows = new Map(phases.map((phase) => [String(phase), { aimed: 0, died: 0, faulty: 0 }]));
const known: Acknowledged[] = [];
let epoch: string | undefined;
let acknowledged = 0;
let faulty = 0;
const startedAt = performance.now();
for (let round = 1; round <= rounds; round += 1) {
  const aim = aims[(round - 1) % aims.length];
  const plan = await createPlan(round, aim);
  const found = await runCrashRound(plan);
  const faults = [...found.faults];
  if (plan.known === known) {
    known.push(...found.acknowledged);
    epoch ??= found.epoch;
    if (found.epoch !== epoch) faults.push("readers are told of a loss that was none");
    epoch = found.epoch;
  }
  acknowledged += found.acknowledged.length;
  const isFaulty = faults.length > 0;
  if (isFaulty) faulty += 1;
  const row = rows.get(found.phase);
  if (row !== undefined) {
    row.died += 1;
    if (isFaulty) row.faulty += 1;
  }
  const aimedAt = aim === undefined ? undefined : rows.get(aim);
  if (aimedAt !== undefined) aimedAt.aimed += 1;
  for (const fault of faults.slice(0, 10)) console.log(`round ${round}: ${fault}`);
}
console.log("died in      aimed at   died there   with faults");
for (const [phase, { aimed, died, faulty }] of rows) {
  console.log(
    `${phase.padEnd(12)} ${String(aimed).padStart(8)} ${String(died).padStart(12)} ${String(faulty).padStart(13)}`,
  );
}
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const verdict = faulty === 0 ? "PASS: nothing is missing" : `FAIL: faults in ${faulty} rounds`;
console.log(`${verdict}; ${rounds} kills, ${acknowledged} acknowledged messages, ${seconds} s`);
process.exitCode = faulty === 0 ? 0 : 1;

/** All rounds go on with one store, but for those about its schema: they need an old one each. */
async function createPlan(round: number, aim: Phase | undefined): Promise<CrashPlan> {
  const common = {
    name: `round-${round}`,
    durability: round % 2 === 0 ? ("power" as const) : ("process" as const),
    // Some rounds checkpoint all the time, so that a checkpoint is never far.
    walBytesMax: aim === "checkpoint" || round % 3 === 0 ? 500_000 : 32_000_000,
    ...(aim === undefined ? {} : { aim }),
  };
  if (aim === "schema") {
    const path = join(folder.path, `schema-${round}.db`);
    // In turn a store of the first version, and none at all.
    const old = round % 20 < 10 ? await createOldStore(path) : [];
    return { ...common, path, killAfterMs: 0, known: old };
  }
  const path = join(folder.path, "partyline.db");
  const killAfterMs = aim === "opening" ? 0 : Math.floor(Math.random() * 400);
  return { ...common, path, killAfterMs, known };
}

/** Makes a store as the first version of the schema had it, with messages in it. */
async function createOldStore(path: string): Promise<Acknowledged[]> {
  const schema = new URL("../../src/broker/schema/0001_messages.sql", import.meta.url);
  const database = new Database(path, { create: true });
  database.run(await Bun.file(schema).text());
  database.run(`PRAGMA user_version = 1; PRAGMA application_id = ${applicationId}`);
  database.run("INSERT INTO meta VALUES ('epoch', 'abcdefgh'), ('clean', '1')");
  database.run("INSERT INTO rooms (name) VALUES ('room-0')");
  const insert = database.query(
    "INSERT INTO messages VALUES (?1, 1, ?1, 5, ?1 * 4, ?2, 'a', 'b', '1234')",
  );
  const stored: Acknowledged[] = [];
  database.transaction(() => {
    for (let offset = 1; offset <= 500; offset += 1) {
      insert.run(offset, `old-${offset}`);
      stored.push({ room: "room-0", offset, id: `old-${offset}` });
    }
  })();
  database.run("PRAGMA journal_mode = WAL");
  database.close(true);
  return stored;
}
