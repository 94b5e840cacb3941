/** Looks at a store before anything is written to it. */

import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { StoreError, toDamage } from "./store-error.ts";

/** Marks a database as Partyline's: "PLin" as a number, in the header of the file. */
export const applicationId = 0x504c_696e;

const magic = "SQLite format 3\0";
/** https://sqlite.org/fileformat2.html#the_rollback_journal */
const journalMagic = "d9d505f920a163d7";
const headerBytes = 100;
/** Up to this size a store is checked page by page, about one millisecond a megabyte. */
const checkedBytesMax = 33_554_432;

/**
 * Refuses what is not a sound store of this version or an older one, leaving it byte for byte as it
 * is. Returns true where there is a store, false where none is yet. Only for the holder of the lock:
 * closing a file that SQLite has open in the same process would drop SQLite's own locks on it.
 *
 * @throws StoreError for a newer version, another application's file, damage, or no database at all
 */
export function inspectStore(path: string, version: number): boolean {
  const size = sizeOf(path);
  const hasLog = sizeOf(`${path}-wal`) > 0;
  if (size === 0) {
    // SQLite would delete the write-ahead log of an empty database, and the messages in it.
    if (!hasLog) return false;
    throw new StoreError(
      `The store "${path}" is missing but its "-wal" file is there: put both back, or move both away.`,
    );
  }
  // Of a first start that was cut off before its first transaction was complete nothing is kept.
  if (committedPages(path) === 0) return false;
  inspectHeader(path, size, version, hasLog);
  inspectContent(path, size, version);
  return true;
}

/**
 * Undoes the transaction in which a first start was cut off. Until a store is in WAL mode, SQLite
 * leaves a `-journal` then, which a connection that only reads cannot work through. Does nothing to
 * the file of another application. Only for the holder of the lock, like {@link inspectStore}.
 */
export function undoFirstStart(path: string): void {
  const pages = committedPages(path);
  if (pages === undefined || pages === 0) return;
  const header = readHeader(path);
  if (header.length < headerBytes || header.readUInt32BE(68) !== applicationId) return;
  const database = new Database(path, { readwrite: true, create: false });
  try {
    database.query("SELECT count(*) FROM sqlite_schema").get();
  } finally {
    database.close(true);
  }
}

/** Pages that were there before the transaction in a journal; undefined where there is no journal. */
function committedPages(path: string): number | undefined {
  if (sizeOf(`${path}-journal`) === 0) return undefined;
  const header = readHeader(`${path}-journal`);
  const isJournal = header.toString("hex", 0, 8) === journalMagic && header.length >= 20;
  return isJournal ? header.readUInt32BE(16) : undefined;
}

function inspectHeader(path: string, size: number, version: number, hasLog: boolean): void {
  const header = readHeader(path);
  if (header.length < headerBytes || header.toString("latin1", 0, magic.length) !== magic) {
    throw new StoreError(`The store "${path}" is not a Partyline store: not an SQLite database.`);
  }
  if (header.readUInt32BE(68) !== applicationId) {
    throw new StoreError(`The store "${path}" is a database of another application.`);
  }
  assertVersion(path, header.readUInt32BE(60), version);
  // A store has been in WAL mode since before its first message; a copy of one never was. SQLite
  // would apply a log that was left behind to it, page for page, and so destroy it.
  if (hasLog && header[18] === 1) {
    const whose = `the "-wal" file beside it belongs to the store that was there before`;
    throw new StoreError(`The store "${path}" is a copy, and ${whose}: move that file away.`);
  }
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  // A checkpoint that was cut short may leave a file that is shorter than its header says. The log
  // that completes it is then still there.
  if (!hasLog && size < header.readUInt32BE(28) * pageBytes) {
    throw new StoreError(`The store "${path}" is damaged: it is shorter than it says.`);
  }
}

/** Asks SQLite through a connection that cannot write, so that nothing is repaired or checkpointed. */
function inspectContent(path: string, size: number, version: number): void {
  const database = new Database(path, { readonly: true });
  try {
    database.run("PRAGMA busy_timeout = 1000");
    for (const table of ["meta", "rooms", "messages"]) {
      const found = database
        .query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?")
        .get(table);
      if (found === null) {
        throw new StoreError(`The store "${path}" is damaged: it has no table "${table}".`);
      }
    }
    if (size <= checkedBytesMax) {
      const [row] = database.query("PRAGMA quick_check(1)").values();
      // What it found would say nothing to whoever has to act.
      if (row?.[0] !== "ok") throw toDamage(path);
    }
    const [row] = database.query("PRAGMA user_version").values();
    assertVersion(path, Number(row?.[0]), version);
  } finally {
    database.close(true);
  }
}

function assertVersion(path: string, found: number, version: number): void {
  if (found <= version) return;
  const known = `it has schema ${found}, this one knows up to ${version}`;
  throw new StoreError(`The store "${path}" was written by a newer Partyline: ${known}.`);
}

function readHeader(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const header = Buffer.alloc(headerBytes);
    return header.subarray(0, readSync(file, header, 0, headerBytes, 0));
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}
