/**
 * What the hub needs from outside: a log, a fan-out, a clock. The only places where tests may use
 * stand-ins. Each contract is prose first; `test/contract/` holds every implementation to it.
 */

import type { Draft, Message } from "./message.ts";

/** The answer to a publish. `duplicate` is true when the id was already there: nothing was stored. */
export interface Published {
  readonly epoch: string;
  readonly offset: number;
  readonly duplicate: boolean;
}

/**
 * What a log keeps of a room. `last` is the newest offset ever given (0 before the first message);
 * `first` the oldest one still kept, or `last + 1` when nothing is kept. `lastAt` is when the newest
 * kept message came, in milliseconds since 1970, or 0.
 */
export interface Head {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  readonly lastAt: number;
}

/** A room that the log knows, by name. */
export interface LoggedRoom extends Head {
  readonly room: string;
}

/**
 * Numbers, keeps and announces messages.
 *
 * Order. Offsets of a room count 1, 2, 3… without holes, in the order in which `publish` was called on
 * this broker. Every message is announced exactly once on each broker that is started, in the order
 * of its offsets, and in batches: what one turn of the event loop brought comes as one call, or as
 * several on the turns after where it is more than one transaction should take.
 *
 * Durability. A publish resolves only after its message is stored as the configured durability says.
 * A message is announced after it is stored and before its publish resolves, and is then to be found
 * by `read`: whoever reads up to the end in one synchronous stretch with hearing the announcements
 * misses nothing.
 *
 * Idempotence. A second publish with the same room and id as a message still kept, also at the same
 * moment, stores and announces nothing and resolves to the first one's place with `duplicate: true`.
 *
 * Failure. When the store does not answer, `publish` and the reads reject with `unavailable`. Nothing
 * of a rejected publish is announced, except that a store may keep a message whose publisher was
 * told that it failed: it is announced once that is found out, and publishing it again with its id is
 * then a duplicate. A message that was acknowledged is never announced again, nor its place given out.
 *
 * Epochs. The epoch changes only if numbering had to start over, or if messages that readers may have
 * seen could be lost (a power cut with less than `power` durability).
 */
export interface Broker {
  /** Begins announcing. Called once, before the first publish. `announce` must not throw. */
  start(announce: (messages: readonly Message[]) => void): Promise<void>;
  /** Stores one message. @throws unavailable when the store does not answer */
  publish(draft: Draft): Promise<Published>;
  /** Tells what is kept of a room. A room never heard of has `first` 1 and `last` 0. */
  head(room: string): Promise<Head>;
  /**
   * Reads messages with an offset above `after`, oldest first: at most `messagesMax` of them and,
   * past the first, at most `bytesMax` bytes of bodies. Empty when there is none.
   */
  read(room: string, after: number, messagesMax: number, bytesMax: number): Promise<Message[]>;
  /** Reads the newest messages with an offset below `before`, oldest of them first. Same bounds. */
  readBefore(
    room: string,
    before: number,
    messagesMax: number,
    bytesMax: number,
  ): Promise<Message[]>;
  /** Lists rooms with a name above `after` by name in code-unit order, at most `roomsMax`. */
  rooms(after: string, roomsMax: number): Promise<LoggedRoom[]>;
  /**
   * Forgets what is kept of a room up to now, and resolves when it is gone. Numbering goes on, so that
   * readers who come back are told of the gap. @throws unavailable when the store does not answer
   */
  forget(room: string): Promise<void>;
  /**
   * Tells in one sentence, for whoever runs the server, why nothing can be published now; null while
   * it can. It ends by itself with what caused it, unless the sentence says otherwise.
   */
  health(): string | null;
  /** Stores what is under way, then lets go of everything. May be called twice. */
  close(): Promise<void>;
}

/** What a log may forget, per room: whichever bound is reached first. 0 means no such bound. */
export interface Retention {
  readonly messagesMax: number;
  readonly ageMsMax: number;
  readonly bytesMax: number;
}

/** Sends one frame to all WebSocket connections that subscribed to a topic, in the order of calls. */
export interface Fanout {
  publish(topic: string, frame: string | Uint8Array): void;
}

/** Time, as an argument. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `act` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, act: () => void): () => void;
}
