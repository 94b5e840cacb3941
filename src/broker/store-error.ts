/** Why a store cannot be opened. */

/** A refusal to open a store. Its message is one sentence, safe to show, and names the file. */
export class StoreError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StoreError";
  }
}

/** The code of an error of SQLite or of the file system, or "" where it has none. */
export function toErrorCode(thrown: unknown): string {
  if (!(thrown instanceof Error) || !("code" in thrown)) return "";
  return typeof thrown.code === "string" ? thrown.code : "";
}

/** Says that a store's content is not what SQLite wrote. */
export function toDamage(path: string, cause?: unknown): StoreError {
  return new StoreError(`The store "${path}" ${damaged}`, cause);
}

/** Says in one sentence why a store could not be opened. */
export function toStoreError(thrown: unknown, path: string): StoreError {
  if (thrown instanceof StoreError) return thrown;
  const reason = reasons.find(([pattern]) => pattern.test(toErrorCode(thrown)))?.[1];
  return new StoreError(`The store "${path}" ${reason ?? "cannot be opened."}`, thrown);
}

const damaged = "is damaged: put a backup in its place, or move it away to start anew.";

const reasons: readonly (readonly [RegExp, string])[] = [
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, "cannot be opened: no space is left on its disk."],
  [/^SQLITE_NOTADB/, "is not a Partyline store: it is not an SQLite database."],
  [/^SQLITE_CORRUPT/, damaged],
  [
    /^SQLITE_READONLY_ROLLBACK/,
    "was left by a first start that was cut off: a server that starts there puts it right.",
  ],
  [/^(SQLITE_BUSY|SQLITE_LOCKED)/, "is locked by another program."],
  [/^EISDIR/, "cannot be opened: it is a folder, where a file is needed."],
  [
    /^(ENOTDIR|EEXIST)/,
    "cannot be opened: a part of its path is a file, where a folder is needed.",
  ],
  [
    /^(SQLITE_READONLY|SQLITE_CANTOPEN|SQLITE_PERM|EACCES|EPERM|EROFS|ENOENT)/,
    "cannot be opened for writing: its folder or file is read-only or belongs to another user.",
  ],
  [/^(SQLITE_IOERR|EIO)/, "cannot be read: its disk reports an error."],
];
