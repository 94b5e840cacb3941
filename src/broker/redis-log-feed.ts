/** How far one room was announced on this node, and what is waiting to be. */

import type { Message } from "../hub/message.ts";
import type { BrokerListener, Clock, Head } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { RedisLink } from "./redis-link.ts";
import { pageBytesMax, pageMessagesMax, type RedisReading, readPage } from "./redis-log-reader.ts";

/** Messages that follow each other, as they were heard of. */
export interface Heard {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  /** Takes them apart; called at most once. Undefined where they are to be read from the log. */
  readonly messages: (() => readonly Message[]) | undefined;
}

/** How a feed reaches the log and its listener. */
export interface FeedSurroundings {
  readonly link: RedisReading & Pick<RedisLink, "run">;
  readonly clock: Clock;
  readonly listener: BrokerListener;
  /** The fence under which all that was announced was read; see `lua/adopt.lua`. */
  readonly fence: () => string;
}

/** What may wait for those before it; past that it is read from the log again. */
const aheadMax = 64;
/** After a catch-up that failed while Redis can be reached. */
const retryMs = 1_000;

/**
 * Announces a room: what is next at once, what is ahead once those before it were read from the log.
 * A hole that the log cannot fill, or another life of the numbering, is a move.
 */
export class RedisLogFeed {
  readonly room: string;
  /** Own publishes to this room that were not answered yet. */
  calls = 0;
  /** Resolves once its channel is subscribed to. */
  subscribed: Promise<void> = Promise.resolve();
  readonly #surroundings: FeedSurroundings;
  #epoch = "";
  #last = 0;
  #lastAt = 0;
  #ahead: Heard[] = [];
  #waiting: { readonly offset: number; readonly end: PromiseWithResolvers<void> }[] = [];
  #running: Promise<Head> | undefined;
  #following: Promise<Head> | undefined;
  #cancelRetry: (() => void) | undefined;
  #isClosed = false;

  constructor(room: string, surroundings: FeedSurroundings) {
    this.room = room;
    this.#surroundings = surroundings;
  }

  /** The life of the numbering that it announces; "" until it is known where the room stands. */
  get epoch(): string {
    return this.#epoch;
  }

  /** False until it is known where the room stands. */
  get isOpen(): boolean {
    return this.#epoch !== "";
  }

  /** Hears of messages. Returns those that are to be announced now; then `told` must be called. */
  take(heard: Heard): readonly Message[] {
    const now: Message[] = [];
    if (this.#isClosed) return now;
    if (!this.#isNext(heard)) {
      this.#keep(heard);
      return now;
    }
    this.#pass(heard, now);
    this.#drain(now);
    return now;
  }

  /** Lets those go on who waited for what is announced now. */
  told(): void {
    const reached = this.#waiting.filter(({ offset }) => offset <= this.#last);
    if (reached.length === 0) return;
    this.#waiting = this.#waiting.filter(({ offset }) => offset > this.#last);
    for (const { end } of reached) end.resolve();
  }

  /** Resolves once a message was announced. @throws unavailable when Redis is lost before */
  reached(offset: number): Promise<void> | undefined {
    if (this.#isClosed || (this.isOpen && offset <= this.#last)) return undefined;
    const end = Promise.withResolvers<void>();
    this.#waiting.push({ offset, end });
    return end.promise;
  }

  /** Hears that all up to an offset was forgotten. Resolves once its listener was told. */
  async forgotten(last: number): Promise<void> {
    if (!this.isOpen) return;
    try {
      // Those that it was still to announce are gone: then it moves past them.
      if (last > this.#last) await this.catchUp();
    } catch {
      return this.#retry(); // Whoever moves later forgets, too.
    }
    if (!this.#isClosed) this.#surroundings.listener.forgotten(this.room);
  }

  /** Tells whether a head shows something that was not announced. */
  isBehind({ epoch, last }: Head): boolean {
    return epoch !== this.#epoch || last !== this.#last;
  }

  /**
   * Announces what the log holds at this moment. Resolves to how far it came.
   * @throws unavailable when the log does not answer
   */
  catchUp(link: RedisReading = this.#surroundings.link): Promise<Head> {
    // One that runs may have looked already: what came since needs another look, one for all.
    if (this.#running !== undefined) {
      this.#following ??= this.#running
        .catch(() => {})
        .then(() => {
          this.#following = undefined;
          return this.catchUp(link);
        });
      return this.#following;
    }
    this.#running = this.#catchUp(link).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Looks for what it may have missed, as soon as it can. */
  recover(): void {
    if (!this.#isClosed && this.isOpen) this.catchUp().catch(() => this.#retry());
  }

  /** Redis is lost: nobody waits for it. What is missing is read once it is back. */
  interrupt(): void {
    this.#ahead = [];
    const waiting = this.#waiting;
    this.#waiting = [];
    const text = "The message store cannot be reached.";
    for (const { end } of waiting) end.reject(new PartylineError("unavailable", text, retryMs));
  }

  /** Announces nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#ahead = [];
    for (const { end } of this.#waiting) end.resolve();
    this.#waiting = [];
  }

  async #catchUp(link: RedisReading): Promise<Head> {
    const bounds = { messagesMax: pageMessagesMax, bytesMax: pageBytesMax };
    for (;;) {
      this.#ahead = []; // what was heard before the log is asked is in it
      const [epoch, offset] = [this.#epoch, this.isOpen ? this.#last : Number.MAX_SAFE_INTEGER];
      const fence = this.#surroundings.fence();
      const request = { room: this.room, way: "after", offset, epoch, fence, ...bounds } as const;
      const { head, from, messages } = await readPage(link, request);
      if (this.#isClosed) return head;
      if (!this.isOpen) {
        this.#epoch = head.epoch;
        this.#last = head.last;
        this.#lastAt = head.lastAt;
      } else if (head.epoch !== this.#epoch || from > this.#last + 1) {
        this.#epoch = head.epoch;
        this.#last = from - 1;
        this.#surroundings.listener.moved(this.room, { epoch: head.epoch, offset: from - 1 });
      } else if (messages.length > 0 && head.first > this.#last) {
        // All that it has announced is gone: it may have been forgotten while Redis was away.
        this.#surroundings.listener.forgotten(this.room);
      }
      const last = from + messages.length - 1;
      const now: Message[] = [];
      this.#pass({ epoch: head.epoch, first: from, last, messages: () => messages }, now);
      this.#drain(now);
      if (now.length > 0) this.#surroundings.listener.announce(now);
      this.told();
      // What is still ahead came meanwhile, and what is before it did not.
      if (this.#last < head.last || this.#ahead.length > 0) continue;
      const lastAt = this.#last === head.last ? head.lastAt : this.#lastAt;
      return { ...head, last: this.#last, lastAt };
    }
  }

  /** Whether nothing is missing before it; also where it was announced before. */
  #isNext({ epoch, first, last, messages }: Heard): boolean {
    if (!this.isOpen || epoch !== this.#epoch) return false;
    return last <= this.#last || (messages !== undefined && first <= this.#last + 1);
  }

  /** Takes of what is next that which was not announced yet. */
  #pass(heard: Heard, now: Message[]): void {
    if (heard.last <= this.#last || heard.messages === undefined) return;
    const skipped = this.#last + 1 - heard.first;
    for (const message of heard.messages().slice(skipped)) now.push(message);
    this.#last = heard.last;
    this.#lastAt = now.at(-1)?.at ?? this.#lastAt;
  }

  #drain(now: Message[]): void {
    while (this.#ahead[0] !== undefined && this.#isNext(this.#ahead[0])) {
      const next = this.#ahead.shift();
      if (next !== undefined) this.#pass(next, now);
    }
  }

  /** Keeps what is ahead in its order, and reads what is missing, unless it comes with this turn. */
  #keep(heard: Heard): void {
    if (this.#ahead.length === aheadMax) this.#ahead = [];
    this.#ahead.push(heard);
    this.#ahead.sort((a, b) => a.first - b.first);
    if (this.#running !== undefined || !this.isOpen) return; // then it looks for what is missing
    setImmediate(() => {
      if (this.#ahead.length > 0 && this.#running === undefined) this.recover();
    });
  }

  #retry(): void {
    if (this.#isClosed || this.#cancelRetry !== undefined) return;
    if (this.#surroundings.link.run === "") return; // once it is back all rooms are looked at
    this.#cancelRetry = this.#surroundings.clock.after(retryMs, () => {
      this.#cancelRetry = undefined;
      this.recover();
    });
  }
}
