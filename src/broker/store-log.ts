/** A store's messages and rooms as the statements that write, read and trim them. */

import type { Database } from "bun:sqlite";
import type { Draft, Message } from "../hub/message.ts";
import type { Head, LoggedRoom, Published } from "../hub/ports.ts";
import { fromRow, toColumn, toMessage } from "./store-row.ts";
import { prepareStatements, type Statements } from "./store-statements.ts";
import { type RoomState, RoomStates } from "./store-states.ts";

/** A room's message as retention sees it; `totalBefore` is the room's total without it. */
export interface OldestMessage {
  readonly offset: number;
  readonly at: number;
  readonly total: number;
  readonly totalBefore: number;
}

/** One draft and the bytes of its body. */
export interface SizedDraft {
  readonly draft: Draft;
  readonly bytes: number;
}

/** What a commit did: the answer to each draft, in their order, and the messages to announce. */
export interface Committed {
  readonly published: readonly Published[];
  readonly messages: readonly Message[];
}

/**
 * Writes and reads a store. All is synchronous; whatever SQLite throws comes through, the
 * transaction is then undone and every room's state is read anew.
 */
export class StoreLog {
  readonly #database: Database;
  readonly #epoch: string;
  readonly #statements: Statements;
  readonly #states: RoomStates;
  #unsure: ReadonlyMap<string, number> = new Map();

  constructor(database: Database, epoch: string) {
    this.#database = database;
    this.#epoch = epoch;
    this.#statements = prepareStatements(database);
    this.#states = new RoomStates(this.#statements);
  }

  /**
   * The rooms of the newest transaction that failed, and the newest offset of each before it. A
   * disk that failed at the last step may still keep the messages past those, as is seen once the
   * store has been opened again.
   */
  get unsure(): ReadonlyMap<string, number> {
    return this.#unsure;
  }

  /** Stores drafts in one transaction: all of them, or none. */
  append(drafts: readonly SizedDraft[]): Committed {
    const before = new Map<string, number>();
    try {
      const committed = this.#transact(() => this.#insertAll(drafts, before));
      if (this.#unsure.size > 0) this.#unsure = new Map();
      return committed;
    } catch (error) {
      this.#unsure = before;
      throw error;
    }
  }

  /** Tells what is known of a room, or undefined where the store has never heard of it. */
  state(room: string): RoomState | undefined {
    return this.#states.get(room);
  }

  /** Tells what is kept of a room. */
  head(room: string): Head {
    const state = this.#states.get(room);
    const { trimmed = 0, last = 0, lastAt = 0 } = state ?? {};
    return { epoch: this.#epoch, first: trimmed + 1, last, lastAt };
  }

  /** Reads forwards from above an offset, within both bounds. */
  read(room: string, after: number, messagesMax: number, bytesMax: number): Message[] {
    return this.#collect(this.#statements.readAfter, room, after, messagesMax, bytesMax);
  }

  /** Reads backwards from below an offset, within both bounds, and returns the oldest first. */
  readBefore(room: string, before: number, messagesMax: number, bytesMax: number): Message[] {
    const { readBefore } = this.#statements;
    return this.#collect(readBefore, room, before, messagesMax, bytesMax).reverse();
  }

  /** Lists rooms by name. */
  rooms(after: string, roomsMax: number): LoggedRoom[] {
    return this.#statements.rooms.all(after, roomsMax).map(({ name, trimmed, offset, at }) => ({
      room: name,
      epoch: this.#epoch,
      first: trimmed + 1,
      last: offset ?? trimmed,
      lastAt: at ?? 0,
    }));
  }

  /** Lists rooms by their number in the store, for a sweep through all of them. */
  roomsAbove(id: number, roomsMax: number): { id: number; name: string }[] {
    return this.#statements.roomsAbove.all(id, roomsMax);
  }

  /** When a room's oldest kept message came, or undefined where nothing is kept. */
  oldestAt(state: RoomState): number | undefined {
    return this.#statements.oldestAt.get(state.id)?.at;
  }

  /**
   * Forgets the oldest messages of some rooms in one transaction, which is bounded by `rowsMax` for
   * each room and, past the first row of each, `bytesMax` in all. `isExpired` is asked for the
   * oldest first until it says no. Returns the rooms in which it never did: they may have more.
   */
  trim(
    rooms: readonly string[],
    rowsMax: number,
    bytesMax: number,
    isExpired: (state: RoomState, row: Readonly<OldestMessage>) => boolean,
  ): string[] {
    return this.#transact(() => {
      const unfinished: string[] = [];
      let bytesLeft = bytesMax;
      for (const room of rooms) {
        const state = this.#states.get(room);
        const before = state?.trimmedBytes ?? 0;
        if (state === undefined || bytesLeft <= 0) {
          if (state !== undefined) unfinished.push(room);
        } else if (!this.#trimRoom(state, rowsMax, bytesLeft, isExpired)) {
          unfinished.push(room);
        }
        bytesLeft -= (state?.trimmedBytes ?? 0) - before;
      }
      return unfinished;
    });
  }

  /** Returns false where more may be to forget. */
  #trimRoom(
    state: RoomState,
    rowsMax: number,
    bytesMax: number,
    isExpired: (state: RoomState, row: Readonly<OldestMessage>) => boolean,
  ): boolean {
    let newest: OldestMessage | undefined;
    let isDone = false;
    for (const { offset, at, total } of this.#statements.oldest.all(state.id, rowsMax)) {
      const row = { offset, at, total, totalBefore: newest?.total ?? state.trimmedBytes };
      isDone = !isExpired(state, row);
      if (isDone || (newest !== undefined && total - state.trimmedBytes > bytesMax)) break;
      newest = row;
    }
    if (newest === undefined) return true;
    this.#statements.remove.run(state.id, newest.offset);
    this.#statements.trimmed.run(newest.offset, newest.total, state.id);
    state.trimmed = newest.offset;
    state.trimmedBytes = newest.total;
    if (state.trimmed === state.last) state.lastAt = 0;
    return isDone || state.trimmed === state.last;
  }

  #insertAll(drafts: readonly SizedDraft[], before: Map<string, number>): Committed {
    const published: Published[] = [];
    const messages: Message[] = [];
    for (const { draft, bytes } of drafts) {
      const state = this.#states.get(draft.room) ?? this.#states.create(draft.room);
      if (!before.has(draft.room)) before.set(draft.room, state.last);
      const offset = state.last + 1;
      const duplicateOf = this.#insert(state, draft, offset, state.total + bytes);
      if (duplicateOf !== undefined) {
        published.push({ epoch: this.#epoch, offset: duplicateOf, duplicate: true });
        continue;
      }
      state.last = offset;
      state.lastAt = draft.at;
      state.total += bytes;
      published.push({ epoch: this.#epoch, offset, duplicate: false });
      messages.push(toMessage(draft, this.#epoch, offset));
    }
    return { published, messages };
  }

  /** Stores one message unless its id is there; returns the offset of the one that is. */
  #insert(state: RoomState, draft: Draft, offset: number, total: number): number | undefined {
    const id = toColumn(draft.id);
    const { from, body } = draft;
    const { changes } = this.#statements.insert.run(
      state.id,
      offset,
      draft.at,
      total,
      id,
      toColumn(from.id),
      toColumn(from.name),
      body.kind === "json" ? body.json : body.bytes,
    );
    return changes > 0 ? undefined : this.#statements.byId.get(id, state.id)?.offset;
  }

  /** Takes rows one by one, so that a bound in bytes is met without loading all of them. */
  #collect(
    statement: Statements["readAfter"],
    room: string,
    from: number,
    messagesMax: number,
    bytesMax: number,
  ): Message[] {
    const state = this.#states.get(room);
    const messages: Message[] = [];
    if (state === undefined || messagesMax < 1) return messages;
    let bytes = 0;
    for (const row of statement.iterate(state.id, from, messagesMax)) {
      bytes += row.bytes;
      if (messages.length > 0 && bytes > bytesMax) break;
      messages.push(fromRow(row, room, this.#epoch));
    }
    return messages;
  }

  #transact<Result>(act: () => Result): Result {
    try {
      this.#statements.begin.run();
      const result = act();
      this.#statements.commit.run();
      return result;
    } catch (error) {
      this.#states.clear();
      this.#rollBack();
      throw error;
    }
  }

  #rollBack(): void {
    try {
      // A full disk or an I/O error has often undone the transaction already.
      if (this.#database.inTransaction) this.#database.run("ROLLBACK");
    } catch {
      // The error that led here is the one to tell; the next transaction shows if this one is stuck.
    }
  }
}
