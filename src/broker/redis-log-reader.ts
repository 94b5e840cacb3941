/** What a log in Redis keeps, as the scripts that read tell it. */

import { bodyBytes, type Message } from "../hub/message.ts";
import type { Head, LoggedRoom } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import { headsKey } from "./redis-keys.ts";
import type { RedisLink } from "./redis-link.ts";
import { toMessage } from "./redis-log-payload.ts";
import { headsScript, pageScript } from "./redis-log-scripts.ts";

/** What of a link is needed to read. */
export type RedisReading = Pick<RedisLink, "prefix" | "send" | "evaluate" | "noteSeq">;

/** Messages as one script read them, oldest first, and the room's head at the same moment. */
export interface Page {
  readonly head: Head;
  /** The offset of the first message; one after the newest of the room where there is none. */
  readonly from: number;
  readonly messages: readonly Message[];
}

/**
 * What a page is asked for. `epoch` is the life that `offset` is of, "" for the present one, and `fence`
 * the fence under which that was read; see `lua/adopt.lua`.
 */
export interface PageRequest {
  readonly room: string;
  readonly way: "after" | "before";
  readonly offset: number;
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly epoch?: string;
  readonly fence?: string;
}

/** What one script copies out of Redis at most, so that none holds it for long. */
export const pageMessagesMax = 512;
export const pageBytesMax = 1_048_576;
/** Rooms that one script looks at. */
const headsMax = 256;

/** Reads one page. After an offset of another life it begins where that life parted from this one. */
export async function readPage(link: RedisReading, request: PageRequest): Promise<Page> {
  const { room, way, offset, messagesMax, bytesMax, epoch = "", fence = "" } = request;
  const bounds = [Math.min(messagesMax, pageMessagesMax), Math.min(bytesMax, pageBytesMax)];
  const args = [link.prefix, room, way, ...[offset, ...bounds].map(String), epoch, fence];
  const answer = await link.evaluate(pageScript, [headsKey(link.prefix)], args);
  const [head = "", ...payloads] = toTexts(answer);
  const [life = "", seq, first, last, lastAt, from] = head.split(" ");
  link.noteSeq(life, Number(seq));
  const start = Number(from);
  const step = way === "after" ? 1 : -1;
  const messages = payloads.map((text, index) => toMessage(text, room, life, start + index * step));
  return {
    head: { epoch: life, first: Number(first), last: Number(last), lastAt: Number(lastAt) },
    from: start,
    messages: way === "after" ? messages : messages.reverse(),
  };
}

/** Reads messages within both bounds, in as many pages as that takes, and returns the oldest first. */
export async function readMessages(link: RedisReading, request: PageRequest): Promise<Message[]> {
  const { way, messagesMax, bytesMax } = request;
  let { offset } = request;
  let messages: Message[] = [];
  let bytes = 0;
  for (let isDone = messagesMax < 1; !isDone; ) {
    const left = Math.max(0, bytesMax - bytes);
    const asked = {
      ...request,
      offset,
      messagesMax: messagesMax - messages.length,
      bytesMax: left,
    };
    const page = await readPage(link, asked);
    const newest = messages.at(-1);
    if (newest !== undefined && newest.epoch !== page.head.epoch) throw renumbered();
    // Trimmed in between: what was read before the hole is not kept any more either.
    if (way === "after" && newest !== undefined && page.from > newest.offset + 1) messages = [];
    if (page.messages.length === 0) break;
    bytes += sizeOf(page.messages);
    // A page gives one message however large; only the very first may be over the bound.
    if (messages.length > 0 && bytes > bytesMax) break;
    messages = way === "after" ? [...messages, ...page.messages] : [...page.messages, ...messages];
    offset = (way === "after" ? messages.at(-1) : messages[0])?.offset ?? offset;
    const isEnd = offset === (way === "after" ? page.head.last : page.head.first);
    // Fewer than a page has room for: then it was the bound in bytes that ended it, and whose was it?
    const isShort = page.messages.length < Math.min(asked.messagesMax, pageMessagesMax);
    isDone = isEnd || messages.length >= messagesMax || (isShort && left <= pageBytesMax);
  }
  return messages;
}

/** Tells what is kept of rooms, in their order. */
export async function readHeads(link: RedisReading, rooms: readonly string[]): Promise<Head[]> {
  const heads: Head[] = [];
  while (heads.length < rooms.length) {
    const args = [link.prefix, ...rooms.slice(heads.length, heads.length + headsMax)];
    const answer = await link.evaluate(headsScript, [headsKey(link.prefix)], args);
    const [head = "", ...lines] = toTexts(answer);
    const [epoch = "", seq] = head.split(" ");
    link.noteSeq(epoch, Number(seq));
    for (const line of lines) {
      const [first, last, lastAt] = line.split(" ").map(Number);
      heads.push({ epoch, first: first ?? 1, last: last ?? 0, lastAt: lastAt ?? 0 });
    }
  }
  return heads;
}

/** Lists rooms by name, with what is kept of them. */
export async function readRooms(
  link: RedisReading,
  after: string,
  roomsMax: number,
): Promise<LoggedRoom[]> {
  const rooms = await readNames(link, after, roomsMax);
  const heads = await readHeads(link, rooms);
  return rooms.flatMap((room, index) => {
    const head = heads[index];
    return head === undefined ? [] : [{ room, ...head }];
  });
}

/** Lists names of rooms above a name, in code-unit order: they are ASCII, and Redis compares bytes. */
export async function readNames(
  link: RedisReading,
  after: string,
  roomsMax: number,
): Promise<string[]> {
  const from = after === "" ? "-" : `(${after}`;
  const args = [`${link.prefix}:rooms`, from, "+", "LIMIT", "0", String(roomsMax)];
  return roomsMax < 1 ? [] : toTexts(await link.send("ZRANGEBYLEX", args));
}

/** Takes an answer of Redis for the list of texts that it must be. */
export function toTexts(answer: unknown): string[] {
  if (!Array.isArray(answer)) throw new Error("Redis answered with something else than a list.");
  return answer.map(String);
}

function sizeOf(messages: readonly Message[]): number {
  let bytes = 0;
  for (const { body } of messages) bytes += bodyBytes(body);
  return bytes;
}

function renumbered(): PartylineError {
  return new PartylineError("unavailable", "The message store was numbered anew.", 100);
}
