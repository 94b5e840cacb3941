/** Drafts on their way through the script that publishes them, and its answer. */

import type { Message } from "../hub/message.ts";
import type { Published } from "../hub/ports.ts";
import type { RedisLogFeed } from "./redis-log-feed.ts";
import { toIdText, toPayload } from "./redis-log-payload.ts";
import type { Pending } from "./store-queue.ts";

/** The drafts of one batch for one room, in their order, and its feed where it is listened to. */
export interface RoomBatch {
  readonly room: string;
  readonly pending: Pending[];
  readonly feed: RedisLogFeed | undefined;
}

/** What became of a room's drafts: a place for each, and the messages among them that are new. */
export interface RoomAnswer {
  readonly published: readonly Published[];
  readonly first: number;
  readonly messages: readonly Message[];
  /** Whether the room is past a bound of retention, a little. */
  readonly isOver: boolean;
}

/** What the script answers for a batch; the rooms in the order in which they were asked about. */
export interface BatchAnswer {
  readonly epoch: string;
  /** Counts every message in this Redis, up to the newest of these. */
  readonly seq: number;
  readonly rooms: readonly RoomAnswer[];
}

/** Puts drafts together by room. */
export function byRoom(
  batch: readonly Pending[],
  feedOf: (room: string) => RedisLogFeed | undefined,
): RoomBatch[] {
  const rooms = new Map<string, RoomBatch>();
  for (const pending of batch) {
    const { room } = pending.draft;
    const known = rooms.get(room);
    if (known === undefined) rooms.set(room, { room, pending: [pending], feed: feedOf(room) });
    else known.pending.push(pending);
  }
  return [...rooms.values()];
}

/** Writes the arguments of the script. */
export function toArguments(rooms: readonly RoomBatch[]): string[] {
  const args: string[] = [];
  for (const { room, pending } of rooms) {
    const total = pending.reduce((sum, { bytes }) => sum + bytes, 0);
    args.push(room, String(pending.length), String(total));
    for (const { draft, bytes } of pending) args.push(toIdText(draft.id), toPayload(draft, bytes));
  }
  return args;
}

/** Reads the answer of the script. */
export function parseAnswer(text: string, rooms: readonly RoomBatch[]): BatchAnswer {
  const [head = "", ...lines] = text.split("\n");
  const [epoch = "", seq] = head.split(" ");
  const answers = rooms.map((room, index) => parseLine(lines[index] ?? "", epoch, room));
  return { epoch, seq: Number(seq), rooms: answers };
}

function parseLine(line: string, epoch: string, { room, pending }: RoomBatch): RoomAnswer {
  const [start, ...signs] = line.split(" ");
  const duplicates = new Map<number, number>();
  for (const sign of signs) {
    const [index, offset] = sign.split("=").map(Number);
    if (index !== undefined && offset !== undefined) duplicates.set(index, offset);
  }
  const published: Published[] = [];
  const messages: Message[] = [];
  const first = Number(start);
  pending.forEach(({ draft: { id, from, at, body } }, index) => {
    const known = duplicates.get(index);
    const offset = known ?? first + messages.length;
    published.push({ epoch, offset, duplicate: known !== undefined });
    if (known === undefined) messages.push({ room, epoch, offset, id, from, at, body });
  });
  return { published, first, messages, isOver: signs.at(-1) === "!" };
}
