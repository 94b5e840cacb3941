/** Revoked tokens in the store's file, beside the messages. */

import type { Database } from "bun:sqlite";
import { PartylineError } from "../protocol/errors.ts";

interface TokenRow {
  readonly id: string;
  readonly until: number | null;
}

interface UserRow {
  readonly user: string;
  readonly before: number;
}

/** Whoever applies what is kept. */
interface Listener {
  hear(kept: {
    readonly tokens: ReadonlyMap<string, number | null>;
    readonly users: ReadonlyMap<string, number>;
  }): void;
}

/**
 * Keeps revocations in an open store. Each is flushed to the disk before the call returns, whatever
 * the durability of messages: a message that is lost is missed, a revocation that is lost lets
 * somebody in. It ends with the store, and must not be used inside a transaction.
 */
export class StoreRevocations {
  readonly #database: () => Database;
  readonly #onFailure: (error: unknown) => void;

  /** `database` gives the one that is open now, and throws while nothing may be written to it. */
  constructor(database: () => Database, onFailure: (error: unknown) => void) {
    this.#database = database;
    this.#onFailure = onFailure;
  }

  /** Tells what is kept. */
  start(listener: Listener): void {
    listener.hear({
      tokens: new Map(this.tokens().map(({ id, until }) => [id, until])),
      users: new Map(this.users().map(({ user, before }) => [user, before])),
    });
  }

  tokens(): readonly TokenRow[] {
    return this.#database().query<TokenRow, []>("SELECT id, until FROM revoked_tokens").all();
  }

  users(): readonly UserRow[] {
    return this.#database().query<UserRow, []>("SELECT user, before FROM revoked_users").all();
  }

  /** @throws unavailable when the store cannot be written; nothing is kept then */
  async saveToken({ id, until }: TokenRow): Promise<void> {
    this.#write("INSERT OR REPLACE INTO revoked_tokens (id, until) VALUES (?, ?)", [id, until]);
  }

  /** @throws unavailable when the store cannot be written; nothing is kept then */
  async saveUser({ user, before }: UserRow): Promise<void> {
    this.#write("INSERT OR REPLACE INTO revoked_users (user, before) VALUES (?, ?)", [
      user,
      before,
    ]);
  }

  /** Forgets tokens that ran out before `now`. A failure is told and else ignored: they come again. */
  forget(now: number): void {
    try {
      this.#database().query("DELETE FROM revoked_tokens WHERE until <= ?").run(now);
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #write(sql: string, values: (string | number | null)[]): void {
    try {
      const database = this.#database();
      const [row] = database.query("PRAGMA synchronous").values();
      database.run("PRAGMA synchronous = FULL");
      try {
        database.query(sql).run(...values);
      } finally {
        database.run(`PRAGMA synchronous = ${Number(row?.[0])}`);
      }
    } catch (error) {
      this.#onFailure(error);
      const text = "The revocation could not be kept: the message store cannot be written to.";
      throw new PartylineError("unavailable", text, 1_000);
    }
  }
}
