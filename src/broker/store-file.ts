/** A store's file from opening to closing: lock, inspection, schema, life. */

import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { StoreError, toStoreError } from "./store-error.ts";
import { inspectStore } from "./store-inspection.ts";
import { beginLife, endLife, type StoreDurability } from "./store-life.ts";
import { lockStore } from "./store-lock.ts";
import { applySchema, schemaVersion } from "./store-schema.ts";

const openTimeoutMs = 1_000;
/**
 * Only a program other than Partyline can make a write wait, `sqlite3` say. Waiting holds the event
 * loop, so it is short: the publishes then fail with `unavailable` and are tried again.
 */
const runTimeoutMs = 10;
const cacheKib = 8_192;

/** An open store. Whoever opened it closes it. */
export interface StoreFile {
  readonly database: Database;
  readonly epoch: string;
  /** Ends the life, moves the write-ahead log into the file and lets go of the lock. */
  close(): void;
}

/**
 * Opens a store for this process alone, or makes a new one and its folder. What is refused is left
 * as it was.
 *
 * @throws StoreError when the file is locked, damaged, newer, of another application, or unwritable
 */
export function openStoreFile(
  path: string,
  durability: StoreDurability,
  bootId: string,
): StoreFile {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const lock = lockStore(path);
    try {
      inspectStore(path, schemaVersion);
    } catch (error) {
      lock.discard();
      throw error;
    }
    try {
      const { database, epoch } = openDatabase(path, durability, bootId);
      return { database, epoch, close: () => closeDatabase(database, lock.release) };
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    throw toStoreError(error, path);
  }
}

function openDatabase(
  path: string,
  durability: StoreDurability,
  bootId: string,
): { database: Database; epoch: string } {
  const database = new Database(path, { create: true, readwrite: true });
  try {
    database.run(`PRAGMA busy_timeout = ${openTimeoutMs}`);
    // Before WAL is switched on, so that a store's header names its application from the start.
    applySchema(database);
    const [mode] = database.query("PRAGMA journal_mode = WAL").values();
    if (mode?.[0] !== "wal") {
      throw new StoreError(`The store "${path}" is on a disk where SQLite cannot share memory.`);
    }
    database.run("PRAGMA wal_autocheckpoint = 0");
    database.run(`PRAGMA cache_size = -${cacheKib}`);
    // Flushes what the last process left in the write-ahead log, before this life is marked.
    database.run("PRAGMA synchronous = FULL");
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    const epoch = beginLife(database, durability, bootId);
    database.run(`PRAGMA synchronous = ${durability === "power" ? "FULL" : "NORMAL"}`);
    database.run(`PRAGMA busy_timeout = ${runTimeoutMs}`);
    return { database, epoch };
  } catch (error) {
    database.close(true);
    throw error;
  }
}

function closeDatabase(database: Database, release: () => void): void {
  try {
    database.run(`PRAGMA busy_timeout = ${openTimeoutMs}`);
    endLife(database);
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // A full or failing disk: the write-ahead log keeps the messages, and the missing mark only
    // makes the next start more careful.
  }
  try {
    database.close(true);
  } finally {
    release();
  }
}
