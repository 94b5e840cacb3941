/**
 * Kills a publishing process at random moments and looks for what it acknowledged.
 * `bun test/bench/crash.ts --rounds 50`; exit code 1 when anything is missing.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCrashRound } from "../support/crash-round.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "50" } } });
const rounds = Number(values.rounds);

using folder = createTemporaryFolder();
let acknowledged = 0;
let faulty = 0;
for (let round = 1; round <= rounds; round += 1) {
  const killAfterMs = Math.floor(Math.random() * 700);
  // Half of the rounds checkpoint all the time, so that many a kill falls into one.
  const walBytesMax = round % 2 === 0 ? 500_000 : 32_000_000;
  const path = join(folder.path, "partyline.db");
  const found = await runCrashRound(path, `round-${round}`, killAfterMs, walBytesMax);
  acknowledged += found.acknowledged;
  if (found.faults.length > 0) faulty += 1;
  console.log(`round ${round}: killed after ${killAfterMs} ms, ${found.acknowledged} acknowledged`);
  for (const fault of found.faults.slice(0, 10)) console.log(`  ${fault}`);
}
const verdict = faulty === 0 ? "PASS: nothing is missing" : `FAIL: faults in ${faulty} rounds`;
console.log(`${verdict}; ${rounds} kills, ${acknowledged} acknowledged messages`);
process.exitCode = faulty === 0 ? 0 : 1;
