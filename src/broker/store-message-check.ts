/** Verifies the messages and rooms of a store against each other. */

import type { Database, Statement } from "bun:sqlite";
import { assertRoomName } from "../protocol/room-name.ts";

/** What was counted on the way. */
export interface MessageCounts {
  readonly rooms: number;
  readonly messages: number;
  readonly bytes: number;
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
}

interface RoomRow {
  readonly id: number;
  readonly name: string;
  readonly trimmed: number;
  readonly trimmed_bytes: number;
}

interface MessageRow {
  readonly room_id: number;
  readonly offset: number;
  readonly at: number;
  readonly total: number;
  readonly bytes: number;
  readonly isJson: number;
  readonly isNamed: number;
}

/** Rows between two breaths, so that a signal is heard and progress is shown. */
const pageRows = 2_000;

/**
 * Goes through all messages, room by room in the order of their offsets. Each must follow the one
 * before it, have an id, be JSON if it is text, and count its bytes in the total of its room.
 */
export class MessageCheck {
  readonly #database: Database;
  readonly #onFault: (fault: string) => void;
  readonly #rooms = new Map<number, RoomRow>();
  readonly #page: Statement<MessageRow, [room: number, offset: number]>;
  #roomId = -1;
  #name = "";
  #offset = 0;
  #total = 0;

  constructor(database: Database, onFault: (fault: string) => void) {
    this.#database = database;
    this.#onFault = onFault;
    this.#page = database.prepare(`
      SELECT room_id, offset, at, total, octet_length(body) AS bytes,
        (typeof(body) = 'blob' OR json_valid(body)) AS isJson, (length(id) > 0) AS isNamed
      FROM messages WHERE (room_id, offset) > (?, ?) ORDER BY room_id, offset LIMIT ${pageRows}`);
  }

  /** `onProgress` hears which part of the work is done. */
  async run(onProgress: (part: number) => void): Promise<MessageCounts> {
    const [row] = this.#database.query("SELECT count(*) FROM messages").values();
    const expected = Number(row?.[0]);
    this.#readRooms();
    let [messages, bytes, oldestAt, newestAt] = [0, 0, Infinity, -Infinity];
    for (;;) {
      const page = this.#page.all(this.#roomId, this.#offset);
      for (const message of page) {
        this.#check(message);
        messages += 1;
        bytes += message.bytes;
        oldestAt = Math.min(oldestAt, message.at);
        newestAt = Math.max(newestAt, message.at);
      }
      if (page.length < pageRows) break;
      onProgress(messages / expected);
      await Bun.sleep(0);
    }
    const times = messages === 0 ? { oldestAt: null, newestAt: null } : { oldestAt, newestAt };
    return { rooms: this.#rooms.size, messages, bytes, ...times };
  }

  #readRooms(): void {
    const rows = this.#database.query<RoomRow, []>(
      "SELECT id, name, trimmed, trimmed_bytes FROM rooms",
    );
    for (const room of rows.all()) {
      this.#rooms.set(room.id, room);
      if (!isRoomName(room.name))
        this.#onFault(`A room has the name "${room.name}", which is none.`);
      if (room.trimmed < 0 || room.trimmed_bytes < 0) {
        this.#onFault(`The room ${room.name} says that it forgot less than nothing.`);
      }
    }
  }

  #check({ room_id, offset, total, bytes, isJson, isNamed }: MessageRow): void {
    if (room_id !== this.#roomId) this.#enter(room_id);
    const where = `in the room ${this.#name}`;
    if (offset !== this.#offset + 1) {
      const hole = `${this.#offset + 1} to ${offset - 1}`;
      const isBelow = offset <= this.#offset;
      const what = isBelow
        ? `There is a forgotten message, ${offset},`
        : `Messages ${hole} are missing`;
      this.#onFault(`${what} ${where}.`);
    } else if (total !== this.#total + bytes) {
      this.#onFault(`The bytes are not counted right from message ${offset} on ${where}.`);
    }
    if (isJson !== 1) this.#onFault(`The content of message ${offset} ${where} is not JSON.`);
    if (isNamed !== 1) this.#onFault(`Message ${offset} ${where} has no id.`);
    this.#offset = offset;
    this.#total = total;
  }

  #enter(id: number): void {
    const room = this.#rooms.get(id);
    if (room === undefined)
      this.#onFault(`There are messages of room number ${id}, which is not there.`);
    this.#roomId = id;
    this.#name = room?.name ?? `number ${id}`;
    this.#offset = room?.trimmed ?? 0;
    this.#total = room?.trimmed_bytes ?? 0;
  }
}

function isRoomName(name: string): boolean {
  try {
    assertRoomName(name);
    return true;
  } catch {
    return false;
  }
}
