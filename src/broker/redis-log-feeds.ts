/** The rooms that a node listens to in Redis. */

import type { Head } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { RedisLink } from "./redis-link.ts";
import { type AnnouncedMessages, parseAnnouncement } from "./redis-log-announcement.ts";
import { type FeedSurroundings, type Heard, RedisLogFeed } from "./redis-log-feed.ts";
import { toMessage } from "./redis-log-payload.ts";
import { type RedisReading, readHeads } from "./redis-log-reader.ts";

/** Rooms that are caught up with at the same time after Redis was away. */
const catchUpsMax = 32;

/** Subscribes to the channels of rooms, and keeps a feed for each. */
export class RedisLogFeeds {
  readonly #link: RedisLink;
  readonly #surroundings: FeedSurroundings;
  readonly #feeds = new Map<string, RedisLogFeed>();
  /** Under which all rooms were caught up with last. */
  #fence = "";

  constructor(link: RedisLink, surroundings: Omit<FeedSurroundings, "link" | "fence">) {
    this.#link = link;
    this.#surroundings = { ...surroundings, link, fence: () => this.#fence };
    link.onConnect((reading) => this.#catchUpAll(reading));
    link.onDown(() => {
      for (const feed of this.#feeds.values()) feed.interrupt();
    });
  }

  /** The feed of a room that is listened to. */
  get(room: string): RedisLogFeed | undefined {
    return this.#feeds.get(room);
  }

  /** Begins to listen, or catches up. @throws unavailable when Redis does not answer */
  async listen(room: string): Promise<Head> {
    const known = this.#feeds.get(room);
    const feed = known ?? new RedisLogFeed(room, this.#surroundings);
    if (known === undefined) {
      this.#feeds.set(room, feed);
      feed.subscribed = this.#link.subscribe(this.#channel(room), (text) => this.#hear(feed, text));
    }
    try {
      await feed.subscribed;
      return await feed.catchUp();
    } catch (error) {
      if (!feed.isOpen && this.#feeds.get(room) === feed) this.unlisten(room);
      throw error;
    }
  }

  /** Ends that. */
  unlisten(room: string): void {
    const feed = this.#feeds.get(room);
    if (feed === undefined) return;
    this.#feeds.delete(room);
    feed.close();
    this.#link.unsubscribe(this.#channel(room));
  }

  /** Ends it for all rooms. */
  close(): void {
    for (const room of [...this.#feeds.keys()]) this.unlisten(room);
  }

  /** After Redis was away: asks for all heads at once, and reads the rooms that are behind. */
  async #catchUpAll(link: RedisReading): Promise<void> {
    const feeds = [...this.#feeds.values()].filter(({ isOpen }) => isOpen);
    const heads = await readHeads(
      link,
      feeds.map(({ room }) => room),
    );
    const behind = feeds.filter((feed, index) => {
      const head = heads[index];
      if (head === undefined || feed.isBehind(head)) return true;
      // It may have been forgotten meanwhile; where it was too old instead, nobody is harmed.
      if (head.first > head.last) void feed.forgotten(head.last);
      return false;
    });
    const work = Array.from({ length: catchUpsMax }, async () => {
      for (let feed = behind.shift(); feed !== undefined; feed = behind.shift()) {
        await feed.catchUp(link).catch((error) => {
          // A room that cannot be read, since it holds something else, keeps no other from going on.
          if (error instanceof PartylineError) throw error;
        });
      }
    });
    await Promise.all(work);
    this.#fence = this.#link.run;
  }

  /** Hears what a node tells on the channel of a room. */
  #hear(feed: RedisLogFeed, text: string): void {
    const told = parseAnnouncement(text);
    if (told === undefined) return;
    const isOwn = told.node === this.#link.node;
    if (told.kind === "forgotten") {
      if (!isOwn) void feed.forgotten(told.last);
      return;
    }
    this.#link.noteSeq(told.epoch, told.seq);
    // The answer to the publish says the same, and costs no decoding.
    if (isOwn && feed.calls > 0) return;
    const messages = feed.take(toHeard(feed.room, told));
    if (messages.length > 0) this.#surroundings.listener.announce(messages);
    feed.told();
  }

  #channel(room: string): string {
    return `${this.#link.prefix}:m:${room}`;
  }
}

function toHeard(room: string, { epoch, first, last, payloads }: AnnouncedMessages): Heard {
  const messages =
    payloads && (() => payloads().map((text, at) => toMessage(text, room, epoch, first + at)));
  return { epoch, first, last, messages };
}
