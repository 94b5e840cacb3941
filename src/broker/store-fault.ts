/** What can be wrong with a store that runs, in words for whoever runs it. */

import { accessSync, constants, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { StoreError, toErrorCode } from "./store-error.ts";

/**
 * `full`, `read-only` and `locked` leave the open database as it was. After `failing` it is in doubt:
 * what a disk said to have written may not be there. `gone` is a file that lies elsewhere, or nowhere.
 * `final` needs somebody to restart the server.
 */
export type FaultKind = "full" | "read-only" | "locked" | "failing" | "gone" | "final";

/** A fault of a running store. Its message is one sentence that names no path. */
export class StoreFault extends Error {
  readonly kind: FaultKind;
  /** What SQLite or the system called it, such as `SQLITE_IOERR_FSYNC`; undefined if neither did. */
  readonly code: string | undefined;

  constructor(kind: FaultKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StoreFault";
    this.kind = kind;
    this.code = toErrorCode(cause) || undefined;
  }
}

/** Bytes that must be free on a disk before it counts as no longer full. */
export const freeBytesMin = 2_097_152;

/** Bytes that this user may still write to the disk of a path; infinite where nobody tells. */
export function freeBytes(path: string): number {
  try {
    const { blocks, bavail, bsize } = statfsSync(dirname(path));
    // Some file systems of user space say 0 of everything, and mean that they do not know.
    return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY; // The folder is gone, or the system has no such call.
  }
}

/** Tells which fault of a store an error shows, or undefined where it is a defect of ours. */
export function toFault(thrown: unknown, path: string): StoreFault | undefined {
  if (thrown instanceof StoreFault) return thrown;
  if (thrown instanceof StoreError) {
    const known = toFault(thrown.cause, path);
    return known ?? new StoreFault("failing", "The store cannot be opened again.", thrown);
  }
  const found = faults.find(([pattern]) => pattern.test(toErrorCode(thrown)));
  if (found === undefined) return undefined;
  const [, kind, message] = found;
  if (kind !== "failing") return new StoreFault(kind, message, thrown);
  // SQLite calls all of these an I/O error: a disk that turned read-only, a quota, a broken one.
  if (!isWritable(path)) return new StoreFault(kind, readOnly, thrown);
  if (freeBytes(path) === 0) return new StoreFault(kind, full, thrown);
  return new StoreFault(kind, message, thrown);
}

const full = "The disk is full.";
const readOnly = "The data folder is read-only.";

const faults: readonly (readonly [RegExp, FaultKind, string])[] = [
  [/^(SQLITE_FULL|ENOSPC)/, "full", full],
  [/^(SQLITE_READONLY|EROFS|EACCES|EPERM)/, "read-only", readOnly],
  [/^(SQLITE_BUSY|SQLITE_LOCKED)/, "locked", "Another program holds the store's lock."],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB)/, "final", "The store is damaged."],
  [/^(SQLITE_IOERR|EIO|EDQUOT|EFBIG)/, "failing", "The disk reports an error."],
  [
    /^(SQLITE_(CANTOPEN|PERM|PROTOCOL|NOMEM)|EMFILE|ENFILE)/,
    "failing",
    "The store cannot be used.",
  ],
];

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
