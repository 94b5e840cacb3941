/** The log in a Redis that many nodes share. */

import type { Draft, Message } from "../hub/message.ts";
import type {
  Broker,
  BrokerListener,
  Clock,
  Head,
  LoggedRoom,
  Published,
  Retention,
} from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import { headsKey } from "./redis-keys.ts";
import type { RedisLink } from "./redis-link.ts";
import { RedisLogFeeds } from "./redis-log-feeds.ts";
import { RedisLogPublisher } from "./redis-log-publisher.ts";
import { readHeads, readMessages, readRooms } from "./redis-log-reader.ts";
import { RedisLogRetention } from "./redis-log-retention.ts";
import { forgetScript } from "./redis-log-scripts.ts";

/** What a log in Redis is made with. */
export interface RedisBrokerOptions {
  /** Whoever made it starts it, after this was made, and closes it after this was closed. */
  readonly link: RedisLink;
  readonly retention: Retention;
  readonly clock: Clock;
  /** Replicas that must have a message before it is acknowledged; 0 for none. */
  readonly replicas: number;
  /** Hears how many messages each call stored, and the milliseconds that took. */
  readonly onCommit?: (messages: number, ms: number) => void;
}

/**
 * Keeps messages in Redis. One script numbers, stores and announces what one turn of the event loop
 * brings; rooms that are listened to are followed on a channel each, and read from the log where
 * something is missing. While the link is down, everything is turned away without trying.
 */
export class RedisBroker implements Broker {
  readonly #link: RedisLink;
  readonly #feeds: RedisLogFeeds;
  readonly #publisher: RedisLogPublisher;
  readonly #retention: RedisLogRetention;
  #listener: BrokerListener | null = null;
  #closed: Promise<void> | undefined;

  constructor({ link, retention, clock, replicas, onCommit }: RedisBrokerOptions) {
    const listener: BrokerListener = {
      announce: (messages) => this.#listener?.announce(messages),
      moved: (room, to) => this.#listener?.moved(room, to),
      forgotten: (room) => this.#listener?.forgotten(room),
    };
    this.#link = link;
    this.#feeds = new RedisLogFeeds(link, { clock, listener });
    this.#retention = new RedisLogRetention({ link, retention, clock });
    this.#publisher = new RedisLogPublisher({
      ...{ link, feeds: this.#feeds, listener, retention, clock, replicas, onCommit },
      onOver: (room) => this.#retention.note(room),
    });
  }

  async start(listener: BrokerListener): Promise<void> {
    this.#listener = listener;
  }

  async listen(room: string): Promise<Head> {
    this.#assertOpen();
    return this.#feeds.listen(room);
  }

  unlisten(room: string): void {
    this.#feeds.unlisten(room);
  }

  publish(draft: Draft): Promise<Published> {
    if (this.#closed !== undefined) return Promise.reject(unavailable("is closed"));
    if (this.health() !== null) return Promise.reject(unavailable("cannot be written to"));
    return this.#publisher.publish(draft);
  }

  async head(room: string): Promise<Head> {
    this.#assertOpen();
    const [head] = await readHeads(this.#link, [room]);
    if (head === undefined) throw new Error("Redis told nothing of a room.");
    return head;
  }

  async read(
    room: string,
    after: number,
    messagesMax: number,
    bytesMax: number,
  ): Promise<Message[]> {
    this.#assertOpen();
    const request = { room, way: "after", offset: after, messagesMax, bytesMax } as const;
    const messages = await readMessages(this.#link, request);
    // After an outage the log answers before all rooms were caught up with. Whoever reads on is told
    // of another life before anything of it is read.
    const feed = this.#feeds.get(room);
    const epoch = messages[0]?.epoch ?? "";
    if (epoch !== "" && feed?.isOpen && feed.epoch !== epoch) await feed.catchUp();
    return messages;
  }

  async readBefore(
    room: string,
    before: number,
    messagesMax: number,
    bytesMax: number,
  ): Promise<Message[]> {
    this.#assertOpen();
    const request = { room, way: "before", offset: before, messagesMax, bytesMax } as const;
    return readMessages(this.#link, request);
  }

  async rooms(after: string, roomsMax: number): Promise<LoggedRoom[]> {
    this.#assertOpen();
    return readRooms(this.#link, after, roomsMax);
  }

  async forget(room: string): Promise<void> {
    this.#assertOpen();
    const { prefix, run, node } = this.#link;
    const args = [prefix, run, node, room];
    const last = await this.#link.evaluate(forgetScript, [headsKey(prefix)], args);
    await this.#feeds.get(room)?.forgotten(Number(last));
  }

  health(): string | null {
    return this.#link.health() ?? this.#publisher.reason;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#retention.close();
    // Called before the first await: what was published before is on its way now.
    await this.#publisher.close();
    this.#feeds.close();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw unavailable("is closed");
  }
}

function unavailable(what: string): PartylineError {
  return new PartylineError("unavailable", `The message store ${what}.`, retryAfterMs);
}

const retryAfterMs = 1_000;
