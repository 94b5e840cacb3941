/** The rooms that are written to, at hand. */

import type { Statements } from "./store-statements.ts";

/** What is known of a room while it is written to. `total` and `trimmedBytes` count bodies' bytes. */
export interface RoomState {
  readonly id: number;
  readonly room: string;
  trimmed: number;
  trimmedBytes: number;
  last: number;
  lastAt: number;
  total: number;
}

/** Rooms kept at hand; above it the one that came first is read again when needed. */
const statesMax = 4_096;

/** States of rooms as the store has them, the transaction under way included. */
export class RoomStates {
  readonly #statements: Statements;
  readonly #states = new Map<string, RoomState>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Tells what is known of a room, or undefined where the store has never heard of it. */
  get(room: string): RoomState | undefined {
    const known = this.#states.get(room);
    if (known !== undefined) return known;
    const row = this.#statements.state.get(room);
    if (row === null) return undefined;
    return this.#remember({
      id: row.id,
      room,
      trimmed: row.trimmed,
      trimmedBytes: row.trimmed_bytes,
      last: row.offset ?? row.trimmed,
      lastAt: row.at ?? 0,
      total: row.total ?? row.trimmed_bytes,
    });
  }

  /** Writes a room into the store, to be numbered from 1. */
  create(room: string): RoomState {
    const id = Number(this.#statements.create.run(room).lastInsertRowid);
    return this.#remember({
      id,
      room,
      trimmed: 0,
      trimmedBytes: 0,
      last: 0,
      lastAt: 0,
      total: 0,
    });
  }

  /** Forgets them all, as is due when a transaction was undone. */
  clear(): void {
    this.#states.clear();
  }

  #remember(state: RoomState): RoomState {
    const [oldest] = this.#states.keys();
    if (this.#states.size >= statesMax && oldest !== undefined) this.#states.delete(oldest);
    this.#states.set(state.room, state);
    return state;
  }
}
