/** One opening of a store: its file and all that works on it. */

import { existsSync } from "node:fs";
import type { Clock, Retention } from "../hub/ports.ts";
import { Checkpoints } from "./checkpoints.ts";
import { freeBytes, freeBytesMin, StoreFault } from "./store-fault.ts";
import type { StoreFile } from "./store-file.ts";
import { StoreLog } from "./store-log.ts";
import { StoreRetention } from "./store-retention.ts";

/** What a session works with. */
export interface StoreSessionOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly retention: Retention;
  readonly walBytesMax: number;
  readonly hasThread: boolean;
  /** False while nothing may be written because something is wrong. */
  readonly mayWrite: () => boolean;
  /** Hears that writes which had to wait may go on. */
  readonly onRelease: () => void;
  /** Hears that a checkpoint or a slice of retention failed. */
  readonly onFailure: (error: unknown) => void;
}

/** The parts of an open store. Whoever creates it closes it, and with it the file. */
export class StoreSession {
  readonly file: StoreFile;
  readonly log: StoreLog;
  readonly checkpoints: Checkpoints;
  readonly retention: StoreRetention;
  readonly #path: string;

  constructor(file: StoreFile, options: StoreSessionOptions) {
    const { path, clock, retention, walBytesMax, hasThread, onRelease, onFailure } = options;
    const { database, epoch } = file;
    this.file = file;
    this.#path = path;
    this.log = new StoreLog(database, epoch);
    this.checkpoints = new Checkpoints({
      ...{ database, path, clock, walBytesMax, hasThread, onRelease, onFailure },
    });
    this.retention = new StoreRetention({
      ...{ log: this.log, retention, clock, onFailure },
      mayWrite: () => options.mayWrite() && !this.checkpoints.isHolding,
      onSlice: () => this.checkpoints.afterCommit(),
    });
  }

  /** @throws StoreFault when what is written now would be lost with the process */
  assertInPlace(): void {
    if (!this.file.isInPlace()) throw notInPlace(this.#path);
  }

  /**
   * True when a transaction could not be undone. What is read then may never have been stored, so
   * nothing is read or written until the store is opened again.
   */
  get isStuck(): boolean {
    return this.file.database.inTransaction;
  }

  /**
   * Writes a little, as durably as a message. `needsRoom` is true after the disk was full: what is
   * free must then be enough for more than that. @throws what the store has against it
   */
  probe(needsRoom: boolean): void {
    if (needsRoom && freeBytes(this.#path) < freeBytesMin) {
      throw new StoreFault("full", "The disk is full.");
    }
    this.file.database.run(
      "INSERT INTO meta (key, value) VALUES ('probed_at', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
      [String(Date.now())],
    );
  }

  async close(): Promise<void> {
    this.retention.close();
    await this.checkpoints.close();
    this.file.close();
  }
}

function notInPlace(path: string): StoreFault {
  return existsSync(path)
    ? new StoreFault("gone", "A file of the store was replaced in the data folder.")
    : new StoreFault("gone", "The store is gone from the data folder.");
}
