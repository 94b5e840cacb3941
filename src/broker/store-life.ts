/** How a store's lives begin and end, and when readers must be told that messages may be lost. */

import type { Database } from "bun:sqlite";
import { readFileSync } from "node:fs";
import { createEpoch } from "./epoch.ts";

/** The setting that makes the next life begin a new epoch, whatever else is known. */
export const renewal = "renews_epoch";

/**
 * What a stored message survives: `process` the death of this process at any instant, `power` also
 * the loss of power, at the price of a disk flush for each commit.
 */
export type StoreDurability = "process" | "power";

/**
 * Begins a life of a store and returns the epoch of its numbering.
 *
 * Commits that are not flushed survive the process but not the machine. If the last life was one
 * without `power`, was not ended, and the machine has started anew since, then its newest messages
 * may be gone and their offsets will be given again: the epoch changes, so that readers are told.
 * The mark that says so is flushed before anything else is stored. An empty `bootId` is an unknown
 * one and proves nothing. The same holds, whatever the durability, where a life was not ended and its
 * write-ahead log is missing, which `hasLog` tells: somebody removed it, or copied the file alone.
 *
 * The epoch also changes where {@link markForRenewal} was called: that is how a copy that is put in
 * the place of its store does not give offsets again that the store gave after it was copied.
 */
export function beginLife(
  database: Database,
  durability: StoreDurability,
  bootId: string,
  hasLog: boolean,
): string {
  const rows = database.query<{ key: string; value: string }, []>("SELECT key, value FROM meta");
  const before = new Map<string, string>();
  for (const { key, value } of rows.all()) before.set(key, value);
  const bootIdBefore = before.get("boot_id") ?? "";
  const restarted = bootIdBefore !== "" && bootId !== "" && bootIdBefore !== bootId;
  const isCutOff = before.get("clean") === "0";
  const isUnflushed = restarted && before.get("durability") !== "power";
  const mustRenew = before.has(renewal) || (isCutOff && (isUnflushed || !hasLog));
  const epoch = (mustRenew ? undefined : before.get("epoch")) ?? createEpoch();
  database.transaction(() => {
    write(database, { epoch, boot_id: bootId, durability, clean: "0" });
    database.run("DELETE FROM meta WHERE key = ?", [renewal]);
  })();
  return epoch;
}

/**
 * Makes the next life of a store begin a new epoch. `reason` is for people who look into the file.
 * May be called while a life goes on, whose own epoch stays.
 */
export function markForRenewal(database: Database, reason: string): void {
  write(database, { [renewal]: reason });
}

/** Notes that nothing was under way when the store was closed. */
export function endLife(database: Database): void {
  write(database, { clean: "1" });
}

/** Names this start of the machine, or returns "" where the system does not tell. */
export function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return ""; // Only Linux has it.
  }
}

function write(database: Database, values: Readonly<Record<string, string>>): void {
  const set = database.query(
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  );
  database.transaction(() => {
    for (const [key, value] of Object.entries(values)) set.run(key, value);
  })();
}
