/** The log in an SQLite file: the default. */

import type { Draft, Message } from "../hub/message.ts";
import type {
  Broker,
  BrokerListener,
  Clock,
  Head,
  LoggedRoom,
  Published,
  Retention,
} from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { StoreFault } from "./store-fault.ts";
import { openStoreFile, type StoreFile } from "./store-file.ts";
import { StoreKeeper } from "./store-keeper.ts";
import { readBootId, type StoreDurability } from "./store-life.ts";
import type { Committed, StoreLog } from "./store-log.ts";
import { answer, StoreQueue } from "./store-queue.ts";
import { StoreRevocations } from "./store-revocations.ts";
import { StoreSession } from "./store-session.ts";

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
  /** Hears why the store can no longer be written to: once, and again if only a restart helps. */
  readonly onBreak?: (fault: StoreFault) => void;
  /** Hears once when it can again, and for how many milliseconds it could not. */
  readonly onHeal?: (outageMs: number) => void;
  /** Hears of every other failure of the store, for the server's log. */
  readonly onFailure?: (error: unknown) => void;
  /** Hears how many messages each transaction stored, and the milliseconds that took. */
  readonly onCommit?: (messages: number, ms: number) => void;
}

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
 * While the store fails, publishes are turned away without trying; see {@link StoreKeeper}.
 */
export class SqliteBroker implements Broker {
  /** Revoked tokens, in the same file. */
  readonly revocations: StoreRevocations;
  readonly #options: SqliteBrokerOptions;
  readonly #keeper: StoreKeeper;
  readonly #queue: StoreQueue;
  #readFailureAt = Number.NEGATIVE_INFINITY;
  #listener: BrokerListener | null = null;
  #flush: ReturnType<typeof setImmediate> | undefined;
  #closed: Promise<void> | undefined;

  constructor(file: StoreFile, options: SqliteBrokerOptions) {
    const { path, retention, clock, walBytesMax = 33_554_432, hasThread = true } = options;
    this.#options = options;
    this.#queue = new StoreQueue(options.pendingMessagesMax, options.pendingBytesMax);
    const createSession = (opened: StoreFile, keeper: StoreKeeper) =>
      new StoreSession(opened, {
        ...{ path, retention, clock, walBytesMax, hasThread },
        mayWrite: () => keeper.reason === null,
        onRelease: () => this.#schedule(),
        onFailure: (error) => keeper.fail(error),
      });
    const onFound = (messages: readonly Message[]) => this.#listener?.announce(messages);
    this.#keeper = new StoreKeeper(file, { ...options, createSession, onFound });
    this.revocations = new StoreRevocations(
      () => this.#keeper.writable.file.database,
      (error) => this.#keeper.fail(error),
    );
  }

  async start(listener: BrokerListener): Promise<void> {
    this.#listener = listener;
  }

  listen(room: string): Promise<Head> {
    return this.head(room);
  }

  unlisten(): void {}

  health(): string | null {
    return this.#keeper.reason;
  }

  publish(draft: Draft): Promise<Published> {
    if (this.#closed !== undefined) return Promise.reject(this.#unavailable("is closed"));
    if (this.#keeper.reason !== null) return Promise.reject(this.#unavailable(unwritable));
    const published = this.#queue.add(draft);
    if (published === undefined) return Promise.reject(this.#unavailable("is behind with writing"));
    this.#schedule();
    return published;
  }

  async head(room: string): Promise<Head> {
    return this.#ask((log) => log.head(room));
  }

  async read(
    room: string,
    after: number,
    messagesMax: number,
    bytesMax: number,
  ): Promise<Message[]> {
    return this.#ask((log) => log.read(room, after, messagesMax, bytesMax));
  }

  async readBefore(
    room: string,
    before: number,
    messagesMax: number,
    bytesMax: number,
  ): Promise<Message[]> {
    return this.#ask((log) => log.readBefore(room, before, messagesMax, bytesMax));
  }

  async rooms(after: string, roomsMax: number): Promise<LoggedRoom[]> {
    return this.#ask((log) => log.rooms(after, roomsMax));
  }

  async forget(room: string): Promise<void> {
    const upTo = this.#ask((log) => log.state(room)?.last ?? 0);
    const forgetSome = () => {
      if (this.#closed !== undefined) throw this.#unavailable("is closed");
      try {
        return this.#keeper.writable.retention.forget(room, upTo);
      } catch (error) {
        this.#keeper.fail(error);
        throw this.#unavailable(unwritable);
      }
    };
    while (forgetSome()) await Bun.sleep(1);
    this.#listener?.forgotten(room);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // Before the first await, so that what was published before is stored and announced by now.
    clearImmediate(this.#flush);
    while (!this.#queue.isEmpty) this.#commit();
    await this.#keeper.close();
  }

  #schedule(): void {
    if (this.#flush !== undefined || this.#queue.isEmpty) return;
    if (this.#closed !== undefined || this.#keeper.isHolding) return;
    this.#flush = setImmediate(() => {
      this.#flush = undefined;
      try {
        // A slice of retention may have begun a hold in between; its end schedules again.
        if (!this.#keeper.isHolding) this.#commit();
      } finally {
        this.#schedule();
      }
    });
  }

  /** Stores, announces and answers in one synchronous stretch. */
  #commit(): void {
    const batch = this.#queue.take();
    let session: StoreSession;
    let committed: Committed;
    try {
      session = this.#keeper.writable;
      const startedAt = performance.now();
      committed = session.log.append(batch);
      this.#options.onCommit?.(committed.messages.length, performance.now() - startedAt);
    } catch (error) {
      this.#keeper.fail(error);
      const rest = this.#keeper.reason === null ? [] : this.#queue.takeAll();
      for (const { reject } of [...batch, ...rest]) reject(this.#unavailable(unwritable));
      return;
    }
    const { published, messages } = committed;
    const newest = messages.at(-1);
    if (newest !== undefined) this.#keeper.noteNewest(newest);
    try {
      if (messages.length > 0) this.#listener?.announce(messages);
    } finally {
      answer(batch, published);
    }
    this.#watch(session, messages);
  }

  #watch(session: StoreSession, messages: readonly Message[]): void {
    try {
      for (const room of new Set(messages.map((message) => message.room))) {
        session.retention.wrote(room);
      }
      session.checkpoints.afterCommit();
    } catch (error) {
      // The messages are stored and announced; a fault here is the next commit's.
      this.#keeper.fail(error);
    }
  }

  #ask<Answer>(read: (log: StoreLog) => Answer): Answer {
    if (this.#closed !== undefined) throw this.#unavailable("is closed");
    const session = this.#keeper.readable;
    if (session === undefined) throw this.#unavailable("cannot be read");
    try {
      return read(session.log);
    } catch (error) {
      this.#tellReadFailure(error);
      throw this.#unavailable("cannot be read");
    }
  }

  /** Anybody may ask for a damaged page as often as they like: the log gets a line a minute. */
  #tellReadFailure(error: unknown): void {
    const now = this.#options.clock.now();
    if (Math.abs(now - this.#readFailureAt) < readFailureMs) return;
    this.#readFailureAt = now;
    this.#options.onFailure?.(error);
  }

  #unavailable(what: string): PartylineError {
    const text = `The message store ${what}.`;
    return new PartylineError("unavailable", text, this.#keeper.retryAfterMs);
  }
}

const unwritable = "cannot be written to";
/** Between two lines about failed reads. */
const readFailureMs = 60_000;
