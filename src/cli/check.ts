/** `partyline check`: verifies a store and says what it holds. */

import { join, resolve } from "node:path";
import { checkStore, type StoreReport } from "../broker/store-check.ts";
import { ConfigError, readConfig } from "../config.ts";
import type { Run } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { Progress } from "./progress.ts";
import { formatBytes, formatCount, formatSeconds } from "./quantity.ts";
import { storeInRedis } from "./store-in-redis.ts";

/** Resolves to 1 when anything is wrong with the store, to 2 for flags. */
export const check: Run = async ({ flags, switches, operands }, terminal) => {
  const { environment, folder } = terminal;
  let path: string;
  try {
    const { config } = readConfig({ flags, environment, folder });
    const [file] = operands;
    if (file === undefined && config.redis !== null) {
      terminal.complain(`${storeInRedis}\n`);
      return exitCodes.failed;
    }
    path = file === undefined ? join(config.data, "partyline.db") : resolve(folder, file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    terminal.complain(`${error.message}\n`);
    const isUsage = error.problems.some(({ place }) => place === "flag");
    return isUsage ? exitCodes.usage : exitCodes.failed;
  }
  const progress = new Progress(terminal, {
    pages: "Checking the pages of the file",
    messages: "Checking the messages",
  });
  const report = await checkStore(path, progress.show);
  progress.end();
  const isSound = report.faults.length === 0;
  if (switches.has("json")) {
    const durationMs = Math.round(progress.elapsedMs);
    terminal.write(`${JSON.stringify({ isSound, ...report, durationMs }, null, 2)}\n`);
  } else {
    if (report.summary !== null) terminal.write(describe(report, isSound, progress.elapsedMs));
    if (!isSound) terminal.complain(complain(report));
  }
  return isSound ? exitCodes.ok : exitCodes.failed;
};

function describe(report: StoreReport, isSound: boolean, elapsedMs: number): string {
  const { path, summary, files, isInUse } = report;
  if (summary === null) return "";
  const { rooms, messages, bytes, oldestAt, newestAt, epoch, schema, renewsEpoch } = summary;
  const log = files.log === 0 ? "" : `, and ${formatBytes(files.log)} of write-ahead log`;
  const rows: [string, string][] = [
    ["rooms", rooms.toLocaleString("en")],
    ["messages", `${messages.toLocaleString("en")} with ${formatBytes(bytes)} of contents`],
  ];
  if (oldestAt !== null) rows.push(["oldest", new Date(oldestAt).toISOString()]);
  if (newestAt !== null) rows.push(["newest", new Date(newestAt).toISOString()]);
  rows.push([
    "epoch",
    renewsEpoch === null ? (epoch ?? "none yet") : `new at the next start (${renewsEpoch})`,
  ]);
  rows.push(["schema", String(schema)]);
  rows.push(["file", `${formatBytes(files.store)}${log}`]);
  rows.push(["in use", isInUse ? "by a server that runs" : "no"]);
  rows.push(["checked", `in ${formatSeconds(elapsedMs)}`]);
  const verdict = `The store "${path}" is ${isSound ? "sound" : "NOT sound"}.`;
  const lines = rows.map(([name, text]) => `  ${name.padEnd(9)} ${text}`);
  return `${verdict}\n\n${lines.join("\n")}\n\n`;
}

function complain({ faults, moreFaults, summary }: StoreReport): string {
  const more = moreFaults === 0 ? "" : `And ${formatCount(moreFaults, "fault")} more.\n`;
  // Where the store could not be read, the sentence itself says what to do.
  return `${faults.join("\n")}\n${more}${summary === null ? "" : advice}`;
}

const advice =
  "Stop the server, keep the damaged files for later, and put a backup in their place:\n" +
  'see "Restore" in the manual\'s page about the store.\n';
