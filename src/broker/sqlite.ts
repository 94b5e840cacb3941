/** The log in an SQLite file: the default. */

import { bodyBytes, type Draft, type Message } from "../hub/message.ts";
import type { Broker, Clock, Head, LoggedRoom, Published, Retention } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import { Checkpoints } from "./checkpoints.ts";
import { openStoreFile, type StoreFile } from "./store-file.ts";
import { readBootId, type StoreDurability } from "./store-life.ts";
import { type SizedDraft, StoreLog } from "./store-log.ts";
import { StoreRetention } from "./store-retention.ts";
import { StoreRevocations } from "./store-revocations.ts";

/** What a log in a file is opened with. */
export interface SqliteBrokerOptions {
  /** The file. It and its folder are made where they are missing. */
  readonly path: string;
  readonly durability: StoreDurability;
  readonly retention: Retention;
  readonly clock: Clock;
  /** Names this start of the machine; "" where unknown. Asked of the system where left out. */
  readonly bootId?: string;
  /** Bytes of the write-ahead log above which writes are held for a moment. 32 MiB where left out. */
  readonly walBytesMax?: number;
  /** Messages, and bytes of bodies, that may wait to be stored. 16,384 and 64 MiB where left out. */
  readonly pendingMessagesMax?: number;
  readonly pendingBytesMax?: number;
  /** False does all work on this thread. */
  readonly hasThread?: boolean;
  /** Hears of every failure of the store, for the server's log. */
  readonly onFailure?: (error: unknown) => void;
}

interface Pending extends SizedDraft {
  readonly resolve: (published: Published) => void;
  readonly reject: (error: PartylineError) => void;
}

/** What one transaction takes at most, so that none holds the event loop for long. */
const commitMessagesMax = 256;
const commitBytesMax = 1_048_576;
const retryAfterMs = 1_000;

/**
 * Opens a log in a file.
 * @throws StoreError in one sentence when the file is refused; it is then left as it was
 */
export async function openSqliteBroker(options: SqliteBrokerOptions): Promise<SqliteBroker> {
  const { path, durability, bootId = readBootId() } = options;
  return new SqliteBroker(openStoreFile(path, durability, bootId), options);
}

/**
 * Keeps messages in an SQLite file. What one turn of the event loop brings is stored by one
 * transaction of up to 256 messages or 1 MiB; what is more follows with the next turn.
 */
export class SqliteBroker implements Broker {
  /** Revoked tokens, in the same file. */
  readonly revocations: StoreRevocations;
  readonly #file: StoreFile;
  readonly #log: StoreLog;
  readonly #checkpoints: Checkpoints;
  readonly #retention: StoreRetention;
  readonly #pendingMessagesMax: number;
  readonly #pendingBytesMax: number;
  readonly #onFailure: (error: unknown) => void;
  #announce: (messages: readonly Message[]) => void = () => {};
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #flush: ReturnType<typeof setImmediate> | undefined;
  #closed: Promise<void> | undefined;

  constructor(file: StoreFile, options: SqliteBrokerOptions) {
    const { path, retention, clock, walBytesMax = 33_554_432, hasThread = true } = options;
    const { database, epoch } = file;
    const { onFailure = () => {} } = options;
    this.#file = file;
    this.#log = new StoreLog(database, epoch);
    this.revocations = new StoreRevocations(database, onFailure);
    this.#pendingMessagesMax = options.pendingMessagesMax ?? 16_384;
    this.#pendingBytesMax = options.pendingBytesMax ?? 67_108_864;
    this.#onFailure = onFailure;
    this.#checkpoints = new Checkpoints({
      database,
      path,
      clock,
      walBytesMax,
      hasThread,
      onRelease: () => this.#schedule(),
      onFailure,
    });
    this.#retention = new StoreRetention({
      log: this.#log,
      retention,
      clock,
      mayWrite: () => !this.#checkpoints.isHolding,
      onSlice: () => this.#checkpoints.afterCommit(),
      onFailure,
    });
  }

  async start(announce: (messages: readonly Message[]) => void): Promise<void> {
    this.#announce = announce;
  }

  publish(draft: Draft): Promise<Published> {
    const bytes = bodyBytes(draft.body);
    if (this.#closed !== undefined) return Promise.reject(unavailable("is closed"));
    if (
      this.#pending.length >= this.#pendingMessagesMax ||
      // A single message is taken whatever its size: its own limit is the publisher's.
      (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#pendingBytesMax)
    ) {
      return Promise.reject(unavailable("is behind with writing"));
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ draft, bytes, resolve, reject });
      this.#pendingBytes += bytes;
      this.#schedule();
    });
  }

  async head(room: string): Promise<Head> {
    return this.#ask(() => this.#log.head(room));
  }

  async read(
    room: string,
    after: number,
    messagesMax: number,
    bytesMax: number,
  ): Promise<Message[]> {
    return this.#ask(() => this.#log.read(room, after, messagesMax, bytesMax));
  }

  async readBefore(
    room: string,
    before: number,
    messagesMax: number,
    bytesMax: number,
  ): Promise<Message[]> {
    return this.#ask(() => this.#log.readBefore(room, before, messagesMax, bytesMax));
  }

  async rooms(after: string, roomsMax: number): Promise<LoggedRoom[]> {
    return this.#ask(() => this.#log.rooms(after, roomsMax));
  }

  async forget(room: string): Promise<void> {
    const upTo = this.#ask(() => this.#log.state(room)?.last ?? 0);
    while (this.#ask(() => this.#retention.forget(room, upTo))) await Bun.sleep(1);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // Before the first await, so that what was published before is stored and announced by now.
    clearImmediate(this.#flush);
    while (this.#pending.length > 0) this.#commit();
    this.#retention.close();
    await this.#checkpoints.close();
    this.#file.close();
  }

  #schedule(): void {
    if (this.#flush !== undefined || this.#pending.length === 0) return;
    if (this.#closed !== undefined || this.#checkpoints.isHolding) return;
    this.#flush = setImmediate(() => {
      this.#flush = undefined;
      try {
        // A slice of retention may have begun a hold in between; its end schedules again.
        if (!this.#checkpoints.isHolding) this.#commit();
      } finally {
        this.#schedule();
      }
    });
  }

  /** Stores, announces and answers in one synchronous stretch. */
  #commit(): void {
    const batch = this.#take();
    let committed: ReturnType<StoreLog["append"]>;
    try {
      committed = this.#log.append(batch);
    } catch (error) {
      this.#onFailure(error);
      for (const { reject } of batch) reject(unavailable("cannot be written to"));
      return;
    }
    const { published, messages } = committed;
    try {
      if (messages.length > 0) this.#announce(messages);
    } finally {
      batch.forEach(({ resolve }, index) => {
        const answer = published[index];
        if (answer !== undefined) resolve(answer);
      });
    }
    this.#watch(messages);
  }

  /** Takes what the next transaction stores, oldest first. */
  #take(): Pending[] {
    let count = 0;
    let bytes = 0;
    for (const pending of this.#pending) {
      if (count === commitMessagesMax || (count > 0 && bytes + pending.bytes > commitBytesMax)) {
        break;
      }
      count += 1;
      bytes += pending.bytes;
    }
    this.#pendingBytes -= bytes;
    return this.#pending.splice(0, count);
  }

  #watch(messages: readonly Message[]): void {
    try {
      for (const room of new Set(messages.map((message) => message.room))) {
        this.#retention.wrote(room);
      }
      this.#checkpoints.afterCommit();
    } catch (error) {
      // The messages are stored and announced; a fault here shows again with the next commit.
      this.#onFailure(error);
    }
  }

  #ask<Answer>(read: () => Answer): Answer {
    if (this.#closed !== undefined) throw unavailable("is closed");
    try {
      return read();
    } catch (error) {
      this.#onFailure(error);
      throw unavailable("cannot be read");
    }
  }
}

function unavailable(what: string): PartylineError {
  return new PartylineError("unavailable", `The message store ${what}.`, retryAfterMs);
}
