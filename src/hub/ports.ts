/**
 * What the hub needs from outside: a log, a fan-out, a clock. The only places where tests may use
 * stand-ins. Each contract is prose first; `test/contract/` holds every implementation to it.
 */

import type { Sender } from "../protocol/frame.ts";
import type { Position } from "../protocol/position.ts";
import type { Body, Draft, Message } from "./message.ts";

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

/** Hears what becomes of the rooms that a broker listens to. No call may throw. */
export interface BrokerListener {
  /** New messages: of each room in the order of its offsets, without a hole. */
  announce(messages: readonly Message[]): void;
  /**
   * A room goes on elsewhere: its next message is the one after `to`. Whoever read on until now has
   * missed what is between: it was forgotten before it could be announced, or its numbering is of
   * another life (another epoch).
   */
  moved(room: string, to: Position): void;
  /** What was kept of a room until now is forgotten, because some node was asked to. */
  forgotten(room: string): void;
}

/**
 * Numbers, keeps and announces messages. Several nodes may share one log: then each has a broker of its
 * own, and what follows holds on all of them.
 *
 * Order. Offsets of a room count 1, 2, 3… without holes, those of one broker in the order in which
 * `publish` was called on it. Every message of a room that is listened to is announced exactly once on
 * each broker, in the order of its offsets, and in batches: what one turn of the event loop brought
 * comes as one call, or as several on the turns after where it is more than one transaction should
 * take. A broker may announce messages of rooms that nobody listens to as well.
 *
 * Durability. A publish resolves only after its message is stored as the configured durability says.
 * A message is announced after it is stored and, where its room is listened to, before its publish
 * resolves, and is then to be found by `read`: whoever reads up to the end in one synchronous stretch
 * with hearing the announcements misses nothing.
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
 * seen could be lost (a power cut with less than `power` durability). When it does while the broker
 * runs, rooms that are listened to hear `moved`.
 */
export interface Broker {
  /** Begins to tell a listener. Called once, before the first publish. */
  start(listener: BrokerListener): Promise<void>;
  /**
   * Begins to listen to a room, or catches up with it when it is listened to already. Resolves to how
   * far it has announced, which is no less than what was stored when this was called: announcements go
   * on right after it, and a call of `moved` may come before.
   * @throws unavailable when the store does not answer; then it is not listened to, unless it was before
   */
  listen(room: string): Promise<Head>;
  /** Ends that. Does nothing for a room that is not listened to. */
  unlisten(room: string): void;
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

/** One user's connections to a room on one node; none while the user is within the grace of a cut. */
export interface Share extends Sender {
  /** Milliseconds since 1970. */
  readonly joinedAt: number;
  readonly connections: number;
  /** When the name was given, in milliseconds since 1970: of several names the last is shown. */
  readonly namedAt: number;
}

/** Who is in a room: of each node a share for each user there. */
export interface Crowd {
  readonly shares: readonly Share[];
  /** How many read it without being members. */
  readonly observers: number;
}

/** How many are in a room, each user counted once. */
export interface Headcount {
  readonly members: number;
  readonly observers: number;
}

/** Hears what other nodes say of the rooms that are listened to. No call may throw. */
export interface PeersListener {
  /** These users and no others are in the room on a node. */
  onCrowd(room: string, node: string, shares: readonly Share[]): void;
  /** These users have these connections on a node; whoever is in `gone` is not there any more. */
  onShares(room: string, node: string, shares: readonly Share[], gone: readonly string[]): void;
  /** So many read the room on a node without being members. */
  onObservers(room: string, node: string, observers: number): void;
  /** Somebody on another node told the room something that is not kept. */
  onSignal(room: string, from: Sender, body: Body): void;
}

/**
 * The other nodes that share the rooms: what they tell each other and nobody keeps. Nothing here waits
 * for them, and nothing fails where they cannot be reached: what they should know they are told once they
 * can be. Who is where is under a lease: the members of a node that is gone without a word leave within
 * two leases, those of one that said good-bye once the time is over in which they are to come back, unless
 * they come back elsewhere. The rooms that start with `$` are each node's own, and never named here.
 */
export interface Peers {
  /**
   * True while, and shortly after, other nodes cannot be reached: whoever leaves here may be elsewhere.
   * It ends within two leases of an outage, however long that is.
   */
  readonly isBlind: boolean;
  /** Begins to tell a listener. Called once, before anything else. */
  start(listener: PeersListener): Promise<void>;
  /**
   * Begins to hear of a room. Resolves once the listener was told who is there on other nodes, or
   * when that cannot be asked for half a second: then it is told once it can be.
   */
  listen(room: string): Promise<void>;
  /** Ends that, and takes this node's members and readers out of the room. */
  unlisten(room: string): void;
  /** Tells how many connections a user has here; of a room that is listened to. */
  share(room: string, share: Share): void;
  /** Tells that a user is not here any more. */
  unshare(room: string, user: string): void;
  /** Tells how many read a room here without being members. */
  observers(room: string, count: number): void;
  /** Tells a room something on the other nodes; of rooms that are not listened to as well. */
  signal(room: string, from: Sender, body: Body): void;
  /** Asks who is in a room on all nodes. @throws unavailable */
  crowd(room: string): Promise<Crowd>;
  /** Asks how many are in rooms on all nodes; answers in the order of `rooms`. @throws unavailable */
  headcounts(rooms: readonly string[]): Promise<Headcount[]>;
  /**
   * Lists rooms that somebody is in on any node, with a name above `after` and in code-unit order, at
   * most `roomsMax`. @throws unavailable
   */
  rooms(after: string, roomsMax: number): Promise<string[]>;
  /** Says good-bye. May be called twice. */
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
