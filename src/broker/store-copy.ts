/** Copies a store, in use or not, as it is at one moment. */

import { Database } from "bun:sqlite";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { checkStore, type OnProgress, type StoreReport } from "./store-check.ts";
// @ts-expect-error TypeScript knows no text imports of its own files; Bun gives the file's text.
import workerText from "./store-copy-worker.ts" with { type: "text" };
import { StoreError, toStoreError } from "./store-error.ts";
import { inspectStore } from "./store-inspection.ts";
import { markForRenewal } from "./store-life.ts";
import { schemaVersion } from "./store-schema.ts";

/** A copy that was verified. */
export interface StoreCopy {
  readonly bytes: number;
  readonly report: StoreReport;
}

const pollMs = 100;

/**
 * Copies a store to a file beside its final name, verifies the copy, flushes it, and only then gives
 * it that name: whatever lies there is whole. A server that has the store open goes on writing; what
 * it stores after the beginning is not in the copy. The copy is one file without a write-ahead log,
 * readable by its owner alone, and marked so that a store that begins from it gets a new epoch.
 *
 * @throws StoreError in one sentence when the store cannot be read, or the copy not be written
 */
export async function copyStore(
  from: string,
  to: string,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<StoreCopy> {
  const part = `${to}.${process.pid}.part`;
  try {
    if (!inspectStore(from, schemaVersion)) throw new StoreError(`There is no store at "${from}".`);
  } catch (error) {
    throw toStoreError(error, from);
  }
  try {
    closeSync(openSync(part, "wx", 0o600));
    await vacuum(from, part, onProgress, signal);
    mark(part);
    const report = await checkStore(part, onProgress);
    const [fault] = report.faults;
    if (fault !== undefined) throw new StoreError(`The copy is not sound: ${fault}`);
    signal.throwIfAborted();
    flush(part);
    renameSync(part, to);
    flush(dirname(to));
    return { bytes: statSync(to).size, report };
  } catch (error) {
    if (signal.aborted) throw new StoreError("The copy was given up; nothing is left of it.");
    throw error instanceof StoreError ? error : toCopyError(error, to);
  } finally {
    for (const suffix of ["", "-journal"]) rmSync(part + suffix, { force: true });
  }
}

async function vacuum(from: string, to: string, onProgress: OnProgress, signal: AbortSignal) {
  const url = URL.createObjectURL(new Blob([workerText], { type: "application/typescript" }));
  const worker = new Worker(url);
  const expected = statSync(from).size;
  const showSize = () => onProgress("copy", Math.min(1, statSync(to).size / expected));
  const timer = setInterval(showSize, pollMs);
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({ data }: MessageEvent<{ code: string; message: string } | null>) =>
        data === null ? resolve() : reject(Object.assign(new Error(data.message), data));
      worker.postMessage({ from, to });
    });
  } finally {
    clearInterval(timer);
    worker.terminate();
  }
}

function mark(path: string): void {
  const database = new Database(path);
  try {
    database.run("PRAGMA journal_mode = MEMORY"); // a copy that is cut off is thrown away
    markForRenewal(database, `copied at ${new Date().toISOString()}`);
  } finally {
    database.close(true);
  }
}

function flush(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The same words as for a store, about the file that was to be written. */
function toCopyError(thrown: unknown, path: string): StoreError {
  const text = toStoreError(thrown, path).message.replace(/^The store/, "The copy");
  return new StoreError(text.replace("opened", "written"), thrown);
}
