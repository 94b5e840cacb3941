/** Reading a room's past in one answer, backwards or forwards. */

import type { GapFrame } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import { formatPosition, type Since } from "../protocol/position.ts";
import { Cursor } from "./cursor.ts";
import { encodeMessage, type Message } from "./message.ts";
import type { Broker } from "./ports.ts";

/** Messages in order. `more` tells that there are others beyond, in the direction of reading. */
export interface Past {
  readonly room: string;
  /** Where a reader stands that has read these. */
  readonly position: string;
  readonly messages: readonly Message[];
  readonly more: boolean;
  readonly gap?: GapFrame;
}

/**
 * Bytes of bodies in one answer; a single larger message still goes out. In its largest encoding an
 * answer must fit the queue of a connection.
 */
const answerBytesMax = limits.frameBytesMax;

/**
 * Reads up to `limit` messages before a place, the newest of them last.
 * A position of another life, or ahead of the room, reads from the end.
 */
export async function readBefore(
  log: Broker,
  room: string,
  before: Since,
  limit: number,
): Promise<Past> {
  const { epoch, first, last } = await log.head(room);
  const isKnown = typeof before === "object" && before.epoch === epoch && before.offset <= last;
  const below = before === "start" ? 1 : isKnown ? before.offset : last + 1;
  const messages = await log.readBefore(room, below, limit, answerBytesMax);
  const position = formatPosition(epoch, messages.at(-1)?.offset ?? Math.max(0, below - 1));
  const more = messages[0] !== undefined && messages[0].offset > first;
  return { room, position, messages, more };
}

/** Reads up to `limit` messages after a place, the oldest first, and says what was missed. */
export async function readSince(
  log: Broker,
  room: string,
  since: Since,
  limit: number,
): Promise<Past> {
  const { epoch, last } = await log.head(room);
  const cursor = new Cursor({ name: room, epoch, last }, since);
  const messages = await log.read(room, cursor.offset, limit, answerBytesMax);
  const gap = cursor.skipTo(messages[0]?.offset ?? last + 1);
  cursor.pass(messages.at(-1)?.offset ?? cursor.offset);
  const more = cursor.offset < last;
  const past = { room, position: cursor.position, messages, more };
  return gap === undefined ? past : { ...past, gap };
}

/** Encodes an answer as JSON, `head` first; its messages as they are on every transport. */
export function encodePast(past: Omit<Past, "position">, head = {}): string {
  const { messages, ...others } = past;
  const fields = JSON.stringify({ ...head, ...others });
  return `${fields.slice(0, -1)},"messages":[${messages.map(encodeMessage).join(",")}]}`;
}
