/** Every statement that a running store uses, prepared once. No text of a user is ever part of one. */

import type { Database, Statement } from "bun:sqlite";
import type { MessageRow, TextColumn } from "./store-row.ts";

interface StateRow {
  readonly id: number;
  readonly name: string;
  readonly trimmed: number;
  readonly trimmed_bytes: number;
  readonly offset: number | null;
  readonly at: number | null;
  readonly total: number | null;
}

interface OldestRow {
  readonly offset: number;
  readonly at: number;
  readonly total: number;
}

type InsertParameters = [
  roomId: number,
  offset: number,
  at: number,
  total: number,
  id: TextColumn,
  fromId: TextColumn,
  fromName: TextColumn,
  body: string | Uint8Array,
];

/** The statements by what they do. */
export interface Statements {
  readonly begin: Statement<unknown, []>;
  readonly commit: Statement<unknown, []>;
  readonly create: Statement<unknown, [room: string]>;
  readonly insert: Statement<unknown, InsertParameters>;
  readonly byId: Statement<{ offset: number }, [id: TextColumn, roomId: number]>;
  readonly state: Statement<StateRow, [room: string]>;
  readonly rooms: Statement<StateRow, [after: string, roomsMax: number]>;
  readonly roomsAbove: Statement<{ id: number; name: string }, [id: number, roomsMax: number]>;
  readonly readAfter: Statement<MessageRow, [roomId: number, after: number, rowsMax: number]>;
  readonly readBefore: Statement<MessageRow, [roomId: number, before: number, rowsMax: number]>;
  readonly oldestAt: Statement<{ at: number }, [roomId: number]>;
  readonly oldest: Statement<OldestRow, [roomId: number, rowsMax: number]>;
  readonly remove: Statement<unknown, [roomId: number, upTo: number]>;
  readonly trimmed: Statement<unknown, [trimmed: number, bytes: number, roomId: number]>;
}

const states = `
  SELECT r.id, r.name, r.trimmed, r.trimmed_bytes, m.offset, m.at, m.total
  FROM rooms r LEFT JOIN messages m
    ON m.room_id = r.id AND m.offset = (SELECT max(offset) FROM messages WHERE room_id = r.id)`;
const messages = `
  SELECT offset, at, id, from_id, from_name, octet_length(body) AS bytes, body FROM messages`;

/** Prepares them all. They end with the database. */
export function prepareStatements(database: Database): Statements {
  return {
    // A write lock from the start: a transaction that turned into a writer half-way could fail there.
    begin: database.prepare("BEGIN IMMEDIATE"),
    commit: database.prepare("COMMIT"),
    create: database.prepare("INSERT INTO rooms (name) VALUES (?)"),
    insert: database.prepare(`
      INSERT INTO messages (room_id, offset, at, total, id, from_id, from_name, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, room_id) DO NOTHING`),
    byId: database.prepare("SELECT offset FROM messages WHERE id = ? AND room_id = ?"),
    state: database.prepare(`${states} WHERE r.name = ?`),
    rooms: database.prepare(`${states} WHERE r.name > ? ORDER BY r.name LIMIT ?`),
    roomsAbove: database.prepare("SELECT id, name FROM rooms WHERE id > ? ORDER BY id LIMIT ?"),
    readAfter: database.prepare(
      `${messages} WHERE room_id = ? AND offset > ? ORDER BY offset LIMIT ?`,
    ),
    readBefore: database.prepare(
      `${messages} WHERE room_id = ? AND offset < ? ORDER BY offset DESC LIMIT ?`,
    ),
    oldestAt: database.prepare("SELECT at FROM messages WHERE room_id = ? ORDER BY offset LIMIT 1"),
    oldest: database.prepare(
      "SELECT offset, at, total FROM messages WHERE room_id = ? ORDER BY offset LIMIT ?",
    ),
    remove: database.prepare("DELETE FROM messages WHERE room_id = ? AND offset <= ?"),
    trimmed: database.prepare("UPDATE rooms SET trimmed = ?, trimmed_bytes = ? WHERE id = ?"),
  };
}
