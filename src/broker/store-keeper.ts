/** Keeps a store usable: notices that it failed, and opens it again where that is needed. */

import { existsSync } from "node:fs";
import type { Message } from "../hub/message.ts";
import type { Clock } from "../hub/ports.ts";
import { StoreFault, toFault } from "./store-fault.ts";
import { openStoreFile, type StoreFile } from "./store-file.ts";
import { readBootId, type StoreDurability } from "./store-life.ts";
import { StoreOutage } from "./store-outage.ts";
import { type StoreTrail, verifyReopened } from "./store-reopening.ts";
import type { StoreSession } from "./store-session.ts";

/** What a keeper works with. */
export interface StoreKeeperOptions {
  readonly path: string;
  readonly durability: StoreDurability;
  readonly clock: Clock;
  readonly bootId?: string;
  /** Hears why the store can no longer be written to: once, and again if only a restart helps. */
  readonly onBreak?: (fault: StoreFault) => void;
  /** Hears once when it can again, and for how many milliseconds it could not. */
  readonly onHeal?: (outageMs: number) => void;
  /** Hears of failures that are no fault of the store. */
  readonly onFailure?: (error: unknown) => void;
  /** Puts the parts of a store together that was opened. */
  readonly createSession: (file: StoreFile, keeper: StoreKeeper) => StoreSession;
  /** Hears of messages that were reported as failed and turned out to be stored. */
  readonly onFound: (messages: readonly Message[]) => void;
}

/**
 * Holds the open store. The first fault begins an outage, in which nothing is written and what can
 * be read is still read. It ends by itself once a small write succeeds; after an error of the disk,
 * only when the store has been opened again, was flushed, and holds all that was acknowledged: a
 * disk that reports an error once may forget what it had, and then say that all is well (as Linux
 * does with `fsync`). Whoever creates it closes it.
 */
export class StoreKeeper {
  readonly #options: StoreKeeperOptions;
  readonly #outage: StoreOutage;
  /** Undefined while the store cannot be opened again. */
  #session: StoreSession | undefined;
  #isDoubtful = false;
  #isFull = false;
  #trail: StoreTrail;

  constructor(file: StoreFile, options: StoreKeeperOptions) {
    const { clock, onBreak = () => {}, onHeal = () => {}, createSession } = options;
    this.#options = options;
    this.#trail = { epoch: file.epoch, newest: undefined, unsure: new Map() };
    const heal = () => this.#heal();
    this.#outage = new StoreOutage({ clock, onBreak, onHeal, heal });
    this.#session = createSession(file, this);
  }

  /** Why nothing can be written now, in a sentence; null while it can. */
  get reason(): string | null {
    return this.#outage.reason;
  }

  /** Milliseconds after which it makes sense to try again. */
  get retryAfterMs(): number {
    return this.#outage.retryAfterMs;
  }

  /** True while writes must wait a moment although nothing is wrong. */
  get isHolding(): boolean {
    return this.#session?.checkpoints.isHolding === true;
  }

  /** The store, for reading; undefined while nothing can be read from it. */
  get readable(): StoreSession | undefined {
    return this.#session?.isStuck === true ? undefined : this.#session;
  }

  /** The store, for writing. @throws StoreFault when nothing may be written now */
  get writable(): StoreSession {
    const { reason } = this.#outage;
    if (this.#session === undefined || reason !== null) {
      throw new StoreFault("failing", reason ?? "The store is closed.");
    }
    this.#session.assertInPlace();
    return this.#session;
  }

  /** Notes the newest message that is stored and will be acknowledged. */
  noteNewest(newest: Message): void {
    this.#trail = { ...this.#trail, newest };
  }

  /** Begins an outage where an error shows a fault of the store; tells of it where it does not. */
  fail(error: unknown): void {
    const fault = toFault(error, this.#options.path);
    if (fault === undefined) {
      this.#options.onFailure?.(error);
      return;
    }
    if (this.#outage.reason !== null) return;
    this.#isDoubtful = fault.kind === "failing" || fault.kind === "gone";
    this.#isFull = fault.kind === "full";
    this.#trail = { ...this.#trail, unsure: this.#session?.log.unsure ?? new Map() };
    this.#outage.begin(fault);
  }

  /** Closes the store once nothing is tried any more. */
  async close(): Promise<void> {
    await this.#outage.close();
    await this.#session?.close();
  }

  /** Tries to end an outage. @throws StoreFault while it lasts */
  async #heal(): Promise<void> {
    const { path } = this.#options;
    try {
      const session = this.#session;
      if (session !== undefined && !session.isStuck && session.file.isInPlace()) {
        session.probe(this.#isFull);
        if (!this.#isDoubtful) return;
      } else if (!existsSync(path)) {
        session?.assertInPlace();
      }
      this.#session = undefined; // nothing is read while it closes
      await session?.close();
      this.#session = this.#reopen();
    } catch (error) {
      const fault = toFault(error, path) ?? new StoreFault("failing", "The store failed.", error);
      if (fault.kind === "failing") this.#isDoubtful = true;
      this.#isFull = fault.kind === "full";
      throw fault;
    }
  }

  #reopen(): StoreSession {
    const { durability, bootId = readBootId(), path, createSession, onFound } = this.#options;
    const file = openStoreFile(path, durability, bootId, true);
    try {
      const found = verifyReopened(file, this.#trail);
      if (found.length > 0) onFound(found);
      return createSession(file, this);
    } catch (error) {
      file.close();
      throw error;
    }
  }
}
