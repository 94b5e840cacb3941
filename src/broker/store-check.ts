/** Verifies a store, in use or not, without writing to it. */

import { Database } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { StoreError, toErrorCode, toStoreError } from "./store-error.ts";
import { inspectStore } from "./store-inspection.ts";
import { renewal } from "./store-life.ts";
import { MessageCheck } from "./store-message-check.ts";
import { schemaVersion } from "./store-schema.ts";

/** What a store holds. */
export interface StoreSummary {
  /** Null where the first start ended before it was named. */
  readonly epoch: string | null;
  readonly schema: number;
  /** Why the next start begins a new epoch, such as "copied at …"; null where it does not. */
  readonly renewsEpoch: string | null;
  readonly rooms: number;
  readonly messages: number;
  /** Bytes of contents. */
  readonly bytes: number;
  /** When the oldest and the newest message came, in milliseconds since 1970; null without any. */
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
}

/** What was found. A store without faults is sound. */
export interface StoreReport {
  readonly path: string;
  /** Each is one sentence that says what is wrong and, where that differs, what to do. */
  readonly faults: readonly string[];
  /** Faults beyond those that are named. */
  readonly moreFaults: number;
  /** Null where the store could not be read at all. */
  readonly summary: StoreSummary | null;
  /** Bytes of each file there is, by its name's ending. */
  readonly files: { readonly store: number; readonly log: number };
  /** Whether a server has it open now. */
  readonly isInUse: boolean;
}

/** Hears how far the work is: 0 to 1, or undefined while nobody can tell. */
export type OnProgress = (step: string, part: number | undefined) => void;

const faultsMax = 20;
const busyTimeoutMs = 5_000;
const epochPattern = /^[0-9a-z]{1,32}$/;

/**
 * Verifies all of a store as it is at one moment: SQLite's own structures, the version, and each
 * message's number, size and JSON. A server that has it open goes on writing meanwhile; its
 * write-ahead log only starts over once this has ended. Never throws for what is wrong with the store.
 * Not for a process that has the store open itself.
 */
export async function checkStore(path: string, onProgress: OnProgress): Promise<StoreReport> {
  const found: string[] = [];
  let summary: StoreSummary | null = null;
  try {
    if (!existsSync(path)) throw new StoreError(`There is no store at "${path}".`);
    if (!inspectStore(path, schemaVersion)) {
      throw new StoreError(`The store "${path}" is empty: a server starts anew with it.`);
    }
    summary = await checkContent(path, found, onProgress);
  } catch (error) {
    found.push(toStoreError(error, path).message);
  }
  return {
    path,
    faults: found.slice(0, faultsMax),
    moreFaults: Math.max(0, found.length - faultsMax),
    summary,
    files: { store: sizeOf(path), log: sizeOf(`${path}-wal`) },
    isInUse: isStoreInUse(path),
  };
}

/** Tells whether a process has a store open, without getting in its way. */
export function isStoreInUse(path: string): boolean {
  const lock = `${path}-lock`;
  if (!existsSync(lock)) return false;
  const database = new Database(lock, { readonly: true });
  try {
    database.query("SELECT 1 FROM sqlite_schema").get();
    return false;
  } catch (error) {
    return toErrorCode(error).startsWith("SQLITE_BUSY");
  } finally {
    database.close(true);
  }
}

async function checkContent(path: string, found: string[], onProgress: OnProgress) {
  const database = new Database(path, { readonly: true });
  try {
    database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    database.run("BEGIN"); // one moment for all that follows
    onProgress("pages", undefined);
    for (const [text] of database.query(`PRAGMA integrity_check(${faultsMax})`).values()) {
      if (text !== "ok") found.push(`SQLite finds damage: ${text}.`);
    }
    const meta = readMeta(database);
    const epoch = meta.get("epoch") ?? null;
    const messages = new MessageCheck(database, (fault) => found.push(fault));
    const counts = await messages.run((part) => onProgress("messages", part));
    const isNamed = epoch === null ? counts.rooms === 0 : epochPattern.test(epoch);
    if (!isNamed) found.push(`The epoch is "${epoch ?? ""}", which is none.`);
    const [row] = database.query("PRAGMA user_version").values();
    const renewsEpoch = meta.get(renewal) ?? null;
    return { epoch, schema: Number(row?.[0]), renewsEpoch, ...counts };
  } finally {
    database.close(true);
  }
}

function readMeta(database: Database): Map<string, string> {
  const rows = database.query<{ key: string; value: string }, []>("SELECT key, value FROM meta");
  return new Map(rows.all().map(({ key, value }) => [key, value]));
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
