/** Messages as columns of a row, and back, without loss. */

import type { Draft, Message } from "../hub/message.ts";

/** A text column: text, or a blob where UTF-8 cannot hold the text. */
export type TextColumn = string | Uint8Array;

/** A row of messages as the reading statements give it. `bytes` is the size of the body. */
export interface MessageRow {
  readonly offset: number;
  readonly at: number;
  readonly id: TextColumn;
  readonly from_id: TextColumn;
  readonly from_name: TextColumn;
  readonly bytes: number;
  readonly body: string | Uint8Array;
}

/**
 * Turns text into what SQLite keeps exactly. Lone surrogates would all become U+FFFD, and two
 * different ids the same one; such text goes in as UTF-16.
 */
export function toColumn(text: string): TextColumn {
  return text.isWellFormed() ? text : Buffer.from(text, "utf16le");
}

/** Gives a draft its place. */
export function toMessage(draft: Draft, epoch: string, offset: number): Message {
  const { room, id, from, at, body } = draft;
  return { room, epoch, offset, id, from, at, body };
}

/** Reads a row as the message it was. */
export function fromRow(row: MessageRow, room: string, epoch: string): Message {
  const { offset, at, body } = row;
  return {
    room,
    epoch,
    offset,
    id: toText(row.id),
    from: { id: toText(row.from_id), name: toText(row.from_name) },
    at,
    body: typeof body === "string" ? { kind: "json", json: body } : { kind: "bytes", bytes: body },
  };
}

function toText(column: TextColumn): string {
  if (typeof column === "string") return column;
  return Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString("utf16le");
}
