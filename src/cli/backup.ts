/** `partyline backup`: copies a store to a file, also while a server has it open. */

import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isStoreInUse } from "../broker/store-check.ts";
import { copyStore } from "../broker/store-copy.ts";
import { StoreError } from "../broker/store-error.ts";
import { ConfigError, readConfig } from "../config.ts";
import type { Run } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { Progress } from "./progress.ts";
import { formatBytes, formatCount, formatSeconds } from "./quantity.ts";
import { storeInRedis } from "./store-in-redis.ts";

/** Resolves to 1 when there is no copy, to 2 for flags. */
export const backup: Run = async ({ flags, switches, operands }, terminal) => {
  const { environment, folder } = terminal;
  const progress = new Progress(terminal, {
    copy: "Copying",
    pages: "Checking the pages of the copy",
    messages: "Checking the messages of the copy",
  });
  try {
    const { config } = readConfig({ flags, environment, folder });
    // A store that lies there is of another time, and its copy no backup of what is said today.
    if (config.redis !== null) throw new StoreError(storeInRedis);
    const from = join(config.data, "partyline.db");
    const to = resolve(folder, operands[0] ?? "");
    if (!existsSync(from)) throw new StoreError(`There is no store at "${from}".`);
    assertMayWrite(to, from, switches.has("force"));
    const abort = new AbortController();
    terminal.onSignal(() => abort.abort());
    const { bytes, report } = await copyStore(from, to, progress.show, abort.signal);
    progress.end();
    const { rooms = 0, messages = 0 } = report.summary ?? {};
    const durationMs = Math.round(progress.elapsedMs);
    if (switches.has("json")) {
      terminal.write(`${JSON.stringify({ path: to, bytes, rooms, messages, durationMs })}\n`);
    } else {
      const what = `${formatCount(messages, "message")} of ${formatCount(rooms, "room")}`;
      const size = `${formatBytes(bytes)} in ${formatSeconds(durationMs)}`;
      terminal.write(`Copied ${what} to ${to}: ${size}.\n`);
    }
    return exitCodes.ok;
  } catch (error) {
    progress.end();
    if (!(error instanceof ConfigError || error instanceof StoreError)) throw error;
    terminal.complain(`${error.message}\n`);
    const isUsage =
      error instanceof ConfigError && error.problems.some(({ place }) => place === "flag");
    return isUsage ? exitCodes.usage : exitCodes.failed;
  }
};

/** @throws StoreError when a copy there would destroy something, or could not be written */
function assertMayWrite(to: string, from: string, isForced: boolean): void {
  const found = statSync(to, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) {
    throw new StoreError(`"${to}" is a folder; name a file in it.`);
  }
  if (!existsSync(dirname(to))) throw new StoreError(`The folder "${dirname(to)}" does not exist.`);
  if (found === undefined) return;
  const { dev, ino } = statSync(from);
  if (found.dev === dev && found.ino === ino) {
    throw new StoreError(`"${to}" is the store itself; name another file.`);
  }
  if (isStoreInUse(to)) throw new StoreError(`"${to}" is the store of a server that runs.`);
  if (!isForced) throw new StoreError(`"${to}" is there already; --force replaces it.`);
}
