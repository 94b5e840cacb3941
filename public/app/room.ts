/** One room as the page sees it: its log, who is there, who is writing. */

import type { Room as JoinedRoom, Line, Message, Signal } from "../../src/client/contract.ts";
import type { LineError } from "../../src/client/line-error.ts";
import { isSystemRoom } from "../../src/protocol/room-name.ts";
import { RoomLog } from "./room-log.ts";

/** Milliseconds for which a hint that somebody is writing holds. */
const typingMs = 5_000;
const historyMessages = 60;
/** Milliseconds in which what was missed has come after a join. */
const caughtUpMs = 1_500;

/** What a room tells. `onMessage` hears each message once, and whether it is this user's. */
export interface RoomListener {
  onChange(): void;
  onJoined(room: Room): void;
  onMessage(room: Room, message: Message, isOwn: boolean): void;
  onRefused(room: Room, error: LineError): void;
  /** Whether a user is this one. */
  isOwn(userId: string): boolean;
}

/** A room of the side bar. It stays while lines come and go, and while it cannot be joined. */
export class Room {
  readonly name: string;
  readonly log: RoomLog;
  readonly typing = new Map<string, { readonly name: string; readonly until: number }>();
  draft = "";
  isLoading = false;
  /** Why it could not be joined, in words. */
  failure: string | undefined;
  /** The code with which the server refused what was written; undefined while it takes it. */
  writeRefusal: "forbidden" | "unauthenticated" | undefined;
  readonly #listener: RoomListener;
  #joined: JoinedRoom | undefined;

  /** `read` is the position up to which it was read, or null. */
  constructor(name: string, read: string | null, listener: RoomListener) {
    this.name = name;
    this.log = new RoomLog(read);
    this.#listener = listener;
    this.allowWriting();
  }

  get isJoined(): boolean {
    return this.#joined?.isJoined === true;
  }

  get members(): JoinedRoom["members"] {
    return this.#joined?.members ?? [];
  }

  get memberCount(): number {
    return this.#joined?.memberCount ?? 0;
  }

  get observers(): number {
    return this.#joined?.observers ?? 0;
  }

  /** Joins it, from where its reader stands. Nothing happens where that was done, and not refused. */
  join(line: Line): void {
    if (line.rooms.has(this.name)) return;
    const joined = line.join(this.name, { since: this.log.standText });
    this.#joined = joined;
    joined.on("joined", ({ position }) => this.#enter(position));
    joined.on("message", (message) => this.#take(message));
    joined.on("signal", (signal) => this.#takeSignal(signal));
    joined.on("error", (error) => this.#listener.onRefused(this, error));
    joined.on("gap", (gap) => {
      this.log.miss(gap);
      this.#listener.onChange();
    });
    joined.on("presence", ({ left }) => {
      for (const { id } of left) this.typing.delete(id);
      this.#listener.onChange();
    });
  }

  /** Leaves it for good. */
  leave(): void {
    this.#joined?.leave();
  }

  /** Lets the user write, as far as is known. Nobody ever may into the server's own rooms. */
  allowWriting(): void {
    this.writeRefusal = isSystemRoom(this.name) ? "forbidden" : undefined;
  }

  /** Tells the others in the room whether this user is writing. */
  hintTyping(isTyping: boolean): void {
    if (this.writeRefusal === undefined) this.#joined?.signal({ typing: isTyping });
  }

  /** Fetches older messages. Does nothing while that is under way, or none are left. */
  async loadHistory(): Promise<void> {
    const before = this.log.historyBefore;
    if (this.#joined === undefined || this.isLoading || before === undefined) return;
    this.isLoading = true;
    try {
      const { messages, more } = await this.#joined.history({ before, limit: historyMessages });
      this.log.prepend(messages, more);
    } catch {
      this.log.hasMore = false; // Refused. Asking again at once would never end: a join does.
    }
    this.isLoading = false;
    this.#listener.onChange();
  }

  #enter(position: string): void {
    const { log } = this;
    const isReturning = log.read !== undefined;
    this.failure = undefined;
    this.typing.clear();
    log.join(position);
    this.#listener.onJoined(this);
    if (!isReturning || log.line !== undefined) return;
    // What was missed follows at once and stands below the line; what comes later does not.
    log.line = log.read;
    setTimeout(() => {
      if (log.line?.offset !== log.newest?.offset) return;
      log.line = undefined;
      this.#listener.onChange();
    }, caughtUpMs);
  }

  #take(message: Message): void {
    const { log } = this;
    // Without WebSocket nobody knows under what id it comes back; its own id tells.
    const isSent = log.outgoing.some(({ id }) => id === message.id);
    const isOwn = isSent || this.#listener.isOwn(message.from.id);
    if (!log.receive(message, isOwn)) return;
    this.typing.delete(message.from.id);
    this.#listener.onMessage(this, message, isOwn);
  }

  /** Takes a signal, if it is a hint that somebody is writing. Programs may send others. */
  #takeSignal({ from, content }: Signal): void {
    if (typeof content !== "object" || content === null || !("typing" in content)) return;
    if (content.typing === true) {
      this.typing.set(from.id, { name: from.name, until: Date.now() + typingMs });
      setTimeout(() => this.#listener.onChange(), typingMs + 50);
    } else this.typing.delete(from.id);
    this.#listener.onChange();
  }
}
