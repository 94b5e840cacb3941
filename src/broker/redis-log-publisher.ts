/** Sends drafts to Redis in batches, announces what was stored, and answers their publishers. */

import type { Draft, Message } from "../hub/message.ts";
import type { BrokerListener, Clock, Published, Retention } from "../hub/ports.ts";
import { PartylineError, toPartylineError } from "../protocol/errors.ts";
import { headsKey } from "./redis-keys.ts";
import type { RedisLink } from "./redis-link.ts";
import {
  byRoom,
  parseAnswer,
  type RoomAnswer,
  type RoomBatch,
  toArguments,
} from "./redis-log-batch.ts";
import type { RedisLogFeeds } from "./redis-log-feeds.ts";
import { publishScript } from "./redis-log-scripts.ts";
import { answer, StoreQueue } from "./store-queue.ts";

/** What a publisher works with. */
export interface RedisLogPublisherOptions {
  readonly link: RedisLink;
  readonly feeds: RedisLogFeeds;
  readonly listener: BrokerListener;
  readonly retention: Retention;
  readonly clock: Clock;
  /** Replicas that must have a message before it is acknowledged; 0 for none. */
  readonly replicas: number;
  /** Hears which room is past a bound of retention. */
  readonly onOver: (room: string) => void;
  /** Hears how many messages each call stored, and the milliseconds that took. */
  readonly onCommit?: (messages: number, ms: number) => void;
}

/** Calls that Redis has not answered. What is more waits, and goes out in larger batches. */
const callsMax = 8;
/** For how long replicas may keep a batch waiting; and between two looks whether they are back. */
const replicasMs = 1_000;
/** For how long such a look may hold the connection. */
const lookMs = 100;
const retryAfterMs = 1_000;

/**
 * What one turn of the event loop brings goes out together; calls of one node are run in their order.
 * Where replicas are waited for there is one call at a time: all else waits on the connection, too.
 * When they do not follow, publishes are turned away without trying until they do.
 */
export class RedisLogPublisher {
  readonly #options: RedisLogPublisherOptions;
  readonly #queue = new StoreQueue();
  readonly #calls = new Set<Promise<void>>();
  #flush: ReturnType<typeof setImmediate> | undefined;
  #cancelLook: (() => void) | undefined;
  #reason: string | null = null;
  #isClosed = false;

  constructor(options: RedisLogPublisherOptions) {
    this.#options = options;
  }

  /** Why nothing is acknowledged although Redis answers, for operators; null while it is. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Stores one message. @throws unavailable when Redis does not answer, or too many wait */
  publish(draft: Draft): Promise<Published> {
    const published = this.#queue.add(draft);
    if (published === undefined) return Promise.reject(unavailable("is behind with writing"));
    this.#schedule();
    return published;
  }

  /** Sends what waits, and resolves once all of it is answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelLook?.();
    clearImmediate(this.#flush);
    while (!this.#queue.isEmpty) this.#call();
    await Promise.all(this.#calls);
  }

  #schedule(): void {
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      const most = this.#options.replicas > 0 ? 1 : callsMax;
      while (!this.#queue.isEmpty && this.#calls.size < most) this.#call();
    });
  }

  #call(): void {
    const batch = this.#queue.take();
    const rooms = byRoom(batch, (room) => this.#options.feeds.get(room));
    const call = this.#store(rooms).catch((error) => {
      // If Redis stored it after all, the link has broken, and all rooms are looked at once it is back.
      const reason = toPartylineError(error);
      for (const { reject } of batch) reject(reason);
    });
    this.#calls.add(call);
    call.finally(() => {
      this.#calls.delete(call);
      if (!this.#queue.isEmpty) this.#schedule();
    });
  }

  async #store(rooms: readonly RoomBatch[]): Promise<void> {
    const { link, retention, replicas, listener, onOver, onCommit } = this.#options;
    const startedAt = performance.now();
    const bounds = [retention.messagesMax, retention.bytesMax].map(String);
    const args = [link.prefix, link.run, link.node, ...bounds, ...toArguments(rooms)];
    for (const { feed } of rooms) if (feed !== undefined) feed.calls += 1;
    let stored: unknown;
    let copied: Promise<unknown> | undefined;
    try {
      const call = link.evaluate(publishScript, [headsKey(link.prefix)], args);
      if (replicas > 0) copied = link.send("WAIT", [String(replicas), String(replicasMs)]);
      copied?.catch(() => {}); // It is waited for below, unless the call has failed.
      stored = await call;
    } finally {
      for (const { feed } of rooms) if (feed !== undefined) feed.calls -= 1;
    }
    const { epoch, seq, rooms: answers } = parseAnswer(String(stored), rooms);
    link.noteSeq(epoch, seq);
    const messages: Message[] = [];
    rooms.forEach(({ room, feed }, index) => {
      const { first = 0, messages: fresh = [], isOver } = answers[index] ?? {};
      if (fresh.length === 0) return;
      if (isOver === true) onOver(room);
      const last = first + fresh.length - 1;
      messages.push(...(feed?.take({ epoch, first, last, messages: () => fresh }) ?? []));
    });
    if (messages.length > 0) listener.announce(messages);
    for (const { feed } of rooms) feed?.told();
    const copies = await copied;
    onCommit?.(
      answers.reduce((sum, { messages }) => sum + messages.length, 0),
      performance.now() - startedAt,
    );
    if (copied !== undefined && Number(copies) < replicas) {
      this.#lookLater();
      throw unavailable("waits for a replica");
    }
    rooms.forEach((room, index) => void settle(room, answers[index]));
  }

  /** Asks again and again whether enough replicas have what was stored. */
  #lookLater(): void {
    const { link, clock, replicas } = this.#options;
    if (this.#isClosed) return;
    this.#reason = `Redis has fewer replicas that follow it than redis-replicas asks for (${replicas}).`;
    this.#cancelLook?.();
    this.#cancelLook = clock.after(replicasMs, () => {
      link.send("WAIT", [String(replicas), String(lookMs)]).then(
        (copies) => {
          if (Number(copies) < replicas) this.#lookLater();
          else this.#reason = null;
        },
        () => this.#lookLater(),
      );
    });
  }
}

/** Answers the publishers of a room once their messages were announced. */
async function settle({ pending, feed }: RoomBatch, told: RoomAnswer | undefined): Promise<void> {
  if (told === undefined) return;
  const newest = Math.max(...told.published.map(({ offset }) => offset));
  try {
    const announced = feed?.reached(newest);
    if (announced !== undefined) await announced;
    answer(pending, told.published);
  } catch (error) {
    const reason = toPartylineError(error);
    for (const { reject } of pending) reject(reason);
  }
}

function unavailable(what: string): PartylineError {
  return new PartylineError("unavailable", `The message store ${what}.`, retryAfterMs);
}
