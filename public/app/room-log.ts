/** What the page knows of a room's log: a stretch of it, the gaps in it, and our own on their way. */

import type { Gap, Message } from "../../src/client/contract.ts";
import { formatPosition, type Position, parsePosition } from "../../src/protocol/position.ts";
import type { Outgoing } from "./outgoing.ts";

const keptMax = 1_000;
const keptMin = 600;
const browsedMax = 20_000;
/** Entries that are worth showing at once. */
const shownMin = 60;

/** One thing to show. `missed` counts messages that are no longer kept, null if nobody knows. */
export type Entry =
  | { readonly kind: "message"; readonly offset: number; readonly message: Message }
  | { readonly kind: "gap"; readonly offset: number; readonly missed: number | null };

/** A room's log. `newest` is where this reader stands; undefined until the room was joined. */
export class RoomLog {
  /** Oldest first. Offsets rise within one epoch; a gap stands where messages are missing. */
  entries: Entry[] = [];
  /** Our own that are not among the entries yet, in the order in which they were written. */
  outgoing: Outgoing[] = [];
  /** True while older messages may be had from the server. */
  hasMore = true;
  /** True while the reader looks at older entries: those must not go then. */
  isBrowsed = false;
  /** Messages of others that came after the one read last. */
  unread = 0;
  /** The position after which the "new" line stands; undefined for no line. */
  line: Position | undefined;
  newest: Position | undefined;
  read: Position | undefined;
  /** True once entries of two epochs stand here: no history joins them. */
  #isMixed = false;

  constructor(read: string | null) {
    this.read = read === null ? undefined : parsePosition(read);
  }

  /** The text of the position read last, or null. */
  get readText(): string | null {
    return this.read === undefined ? null : formatPosition(this.read.epoch, this.read.offset);
  }

  /** The text of the position to go on from; undefined for the end. */
  get standText(): string | undefined {
    const stand = this.newest ?? this.read;
    return stand && formatPosition(stand.epoch, stand.offset);
  }

  /** Whether there are so few entries that older ones should be asked for. */
  get isShort(): boolean {
    return this.entries.length < shownMin;
  }

  /** The position before which history is to be asked for, or undefined when there is none. */
  get historyBefore(): string | undefined {
    if (!this.hasMore || this.#isMixed || this.newest === undefined) return undefined;
    const oldest = this.entries[0];
    // A gap stands at the position after it, a message at its own.
    const offset = oldest === undefined ? this.newest.offset + 1 : oldest.offset;
    return formatPosition(this.newest.epoch, offset);
  }

  /** Takes the server's word for where this reader stands after a join. */
  join(position: string): void {
    const joined = parsePosition(position);
    if (this.newest === undefined) this.newest = joined;
    this.hasMore = true; // what was refused before may be had now
    if (this.read === undefined) this.read = joined;
  }

  /** Takes a message. Returns false if it was there already. `isOwn` messages are never unread. */
  receive(message: Message, isOwn: boolean): boolean {
    const position = parsePosition(message.position);
    if (position === undefined) return false;
    const { epoch, offset } = position;
    if (this.newest?.epoch === epoch && offset <= this.newest.offset) return false;
    // Our own words are not news: right after the line they push it on.
    if (isOwn && this.line !== undefined && this.line.offset === this.newest?.offset) {
      this.line = position;
    }
    this.newest = position;
    this.entries.push({ kind: "message", offset, message });
    this.discard(message.id);
    if (!isOwn) this.unread += 1;
    if (this.entries.length > (this.isBrowsed ? browsedMax : keptMax)) this.#forget();
    return true;
  }

  /** Takes a gap: what was missed is gone, and the reader stands after it. */
  miss({ from, to }: Gap): void {
    const before = from === null ? undefined : parsePosition(from);
    const after = parsePosition(to);
    if (after === undefined) return;
    const isSame = before !== undefined && before.epoch === after.epoch;
    if (!isSame && this.entries.length > 0) this.#isMixed = true;
    const missed = isSame && after.offset > before.offset ? after.offset - before.offset : null;
    this.entries.push({ kind: "gap", offset: after.offset + 1, missed });
    this.newest = after;
  }

  /** Puts older messages before those that are here. */
  prepend(messages: readonly Message[], hasMore: boolean): void {
    const oldest = this.entries[0]?.offset ?? Number.POSITIVE_INFINITY;
    const older = messages.flatMap((message): Entry[] => {
      const offset = parsePosition(message.position)?.offset;
      return offset === undefined || offset >= oldest ? [] : [{ kind: "message", offset, message }];
    });
    this.entries.unshift(...older);
    this.hasMore = hasMore && messages.length > 0;
  }

  /** Takes a change of one of our own messages. */
  track(outgoing: Outgoing): void {
    const index = this.outgoing.findIndex(({ id }) => id === outgoing.id);
    if (this.#hasPassed(outgoing.position)) {
      // It is in the log already: it had been stored before a reload, or came before its answer.
      this.discard(outgoing.id);
    } else if (index !== -1) this.outgoing[index] = outgoing;
    else this.outgoing.push(outgoing);
  }

  /** Forgets one of our own messages. */
  discard(id: string): void {
    this.outgoing = this.outgoing.filter((outgoing) => outgoing.id !== id);
  }

  /** Marks all as read. Returns true if that changed anything. */
  markRead(): boolean {
    this.unread = 0;
    const { read, newest } = this;
    if (newest === undefined) return false; // not joined yet: nothing more was read
    if (read?.epoch === newest.epoch && read.offset === newest.offset) return false;
    this.read = newest;
    return true;
  }

  #hasPassed(position: string | undefined): boolean {
    const stored = position === undefined ? undefined : parsePosition(position);
    if (stored === undefined || this.newest === undefined) return false;
    return stored.epoch !== this.newest.epoch || stored.offset <= this.newest.offset;
  }

  /** Lets the oldest entries go; they may be had again as history. */
  #forget(): void {
    this.entries = this.entries.slice(-keptMin);
    this.hasMore = true;
  }
}
