/** A store's file from opening to closing: lock, inspection, schema, life. */

import { constants, Database } from "bun:sqlite";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { StoreError, toStoreError } from "./store-error.ts";
import { inspectStore, undoFirstStart } from "./store-inspection.ts";
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
  /**
   * Tells whether the file and its write-ahead log still lie where they were opened. What is
   * written to a file that was deleted or moved is lost, and SQLite does not notice in WAL mode.
   * Takes some microseconds.
   */
  isInPlace(): boolean;
  /** Ends the life, moves the write-ahead log into the file and lets go of the lock. */
  close(): void;
}

/**
 * Opens a store for this process alone, or makes a new one and its folder. What is refused is left
 * as it was. `isAgain` is true for a store that this process had open until its disk failed: it must
 * be there, and all of its write-ahead log is moved and flushed before it is trusted.
 *
 * @throws StoreError when the file is locked, damaged, newer, of another application, or unwritable
 */
export function openStoreFile(
  path: string,
  durability: StoreDurability,
  bootId: string,
  isAgain = false,
): StoreFile {
  try {
    if (!isAgain) mkdirSync(dirname(path), { recursive: true });
    else if (!existsSync(path)) throw new StoreError(`The store "${path}" is not there.`);
    const lock = lockStore(path);
    try {
      undoFirstStart(path);
      inspectStore(path, schemaVersion);
    } catch (error) {
      lock.discard();
      throw error;
    }
    try {
      const { database, epoch } = openDatabase(path, durability, bootId, isAgain);
      const isInPlace = watchPlace(path);
      const close = () => closeDatabase(database, isInPlace(), lock.release);
      return { database, epoch, isInPlace, close };
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
  mustFlush: boolean,
): { database: Database; epoch: string } {
  const hasLog = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
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
    // Flushes what the last process left in the write-ahead log, before this life is marked. The log
    // itself stays: after a life that was cut off, one that is missing or empty tells of a loss.
    database.run("PRAGMA synchronous = FULL");
    const [flushed] = database.query("PRAGMA wal_checkpoint(RESTART)").values();
    if (mustFlush && flushed?.[0] !== 0) {
      throw new StoreError(`The store "${path}" cannot be flushed while another program reads it.`);
    }
    const epoch = beginLife(database, durability, bootId, hasLog);
    // A file without its log must say by itself that its life was not ended.
    database.query("PRAGMA wal_checkpoint(PASSIVE)").values();
    database.run(`PRAGMA synchronous = ${durability === "power" ? "FULL" : "NORMAL"}`);
    database.run(`PRAGMA busy_timeout = ${runTimeoutMs}`);
    return { database, epoch };
  } catch (error) {
    database.close(true);
    throw error;
  }
}

/** Remembers which files lie at a path now. */
function watchPlace(path: string): () => boolean {
  const identify = (file: string) => {
    const { dev, ino } = statSync(file, { throwIfNoEntry: false }) ?? {};
    return ino === undefined ? "" : `${dev}:${ino}`;
  };
  const store = identify(path);
  const log = identify(`${path}-wal`);
  return () => {
    try {
      return identify(path) === store && identify(`${path}-wal`) === log;
    } catch {
      return false; // A folder that can no longer be looked into, or a part of its path is a file.
    }
  };
}

function closeDatabase(database: Database, isInPlace: boolean, release: () => void): void {
  try {
    // SQLite deletes the write-ahead log by its name, which may be another store's by now.
    if (!isInPlace) database.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1);
    database.run(`PRAGMA busy_timeout = ${openTimeoutMs}`);
    endLife(database);
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // A full or failing disk: the write-ahead log keeps the messages, and the missing mark only
    // makes the next start more careful. It must find the log then.
    database.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1);
  }
  try {
    database.close(true);
  } finally {
    release();
  }
}
