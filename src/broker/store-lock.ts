/** Keeps a store to one process. */

import { Database } from "bun:sqlite";
import { rmSync } from "node:fs";
import { StoreError, toErrorCode } from "./store-error.ts";

/** A lock that is held until it is released or the process ends, however it ends. */
export interface StoreLock {
  /** Lets another process open the store. May be called twice. */
  release(): void;
  /** Releases and takes the lock's file away; only for a store that nobody can open anyway. */
  discard(): void;
}

/**
 * Locks a store by an exclusive transaction on an empty database beside it, `<path>-lock`. The store
 * itself stays readable for `sqlite3` and for backups, and the kernel drops the lock with the process.
 * The file stays: taking it away would let two processes hold locks on two files of that name.
 *
 * @throws StoreError when another process, or another part of this one, has the store open
 */
export function lockStore(path: string): StoreLock {
  const file = `${path}-lock`;
  const database = new Database(file, { create: true, readwrite: true });
  try {
    // In memory, or an empty `-journal` would lie beside the lock.
    database.run("PRAGMA journal_mode = MEMORY");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close(true);
    if (!toErrorCode(error).startsWith("SQLITE_BUSY")) throw error;
    throw new StoreError(`The store "${path}" is in use by another Partyline.`, error);
  }
  const release = () => database.close(true);
  return {
    release,
    discard() {
      release();
      rmSync(file, { force: true });
    },
  };
}
