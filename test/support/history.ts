/** What clients of several nodes did and were told, for the history checker to judge. */

import { parsePosition } from "../../src/protocol/position.ts";

/** The answer to a publish that was acknowledged. */
export interface Acknowledgement {
  readonly position: string;
  readonly duplicate: boolean;
}

/**
 * One try to publish a message. Times are of `performance.now()`, of one clock for all clients. Several
 * tries may be of the same message: then room and id are the same.
 */
export interface PublishTry {
  readonly room: string;
  readonly id: string;
  /** What was published, as {@link toMark} writes it. */
  readonly mark: string;
  readonly node: string;
  /** Names what the try went over; tries of one line were sent in the order of the history. */
  readonly line: string;
  readonly calledAt: number;
  /** Infinity where it was never answered. */
  returnedAt: number;
  /** Null where it was refused, or never answered: then nobody knows whether it was stored. */
  acknowledgement: Acknowledgement | null;
}

/** What a reader was told of a room, in the order in which it was told. */
export type ReaderEvent =
  /** It joined, and was told where it stands. `askedAt` is when it asked, `since` what it asked for. */
  | {
      readonly kind: "stood";
      readonly node: string;
      readonly askedAt: number;
      readonly since: string;
      readonly position: string;
      readonly recovered: boolean;
    }
  /** It read on to the end of the room, which it was told is here. */
  | {
      readonly kind: "ended";
      readonly node: string;
      readonly askedAt: number;
      readonly position: string;
    }
  | {
      readonly kind: "message";
      readonly node: string;
      readonly position: string;
      readonly id: string;
      readonly mark: string;
    }
  | {
      readonly kind: "gap";
      readonly node: string;
      readonly at: number;
      readonly reason: string;
      readonly from: string | null;
      readonly to: string;
    };

/** One reader of one room, over all the nodes that it was at. */
export interface ReaderHistory {
  readonly name: string;
  readonly room: string;
  readonly events: ReaderEvent[];
}

/** A message as a node keeps it. */
export interface KeptMessage {
  readonly position: string;
  readonly id: string;
  readonly mark: string;
}

/** What a user who is in a room was told of who else is there. */
export interface PresenceEvent {
  readonly kind: "listed" | "joined" | "left";
  readonly at: number;
  readonly node: string;
  readonly users: readonly string[];
}

/** One connection's worth of them would not do: a watcher goes from node to node. */
export interface PresenceHistory {
  readonly name: string;
  readonly events: PresenceEvent[];
}

/** All of a run. The checker reads it, and changes nothing. */
export interface History {
  readonly tries: readonly PublishTry[];
  readonly readers: readonly ReaderHistory[];
  /** What each node keeps of each room at the end: by room, then by node. */
  readonly logs: ReadonlyMap<string, ReadonlyMap<string, readonly KeptMessage[]>>;
  readonly presence: readonly PresenceHistory[];
  /** Users who were there all the time. */
  readonly steadyUsers: readonly string[];
  /**
   * When something legitimately lost what was stored (Redis was emptied, a replica took over), by the
   * same clock: only what was acknowledged before the newest of them may be missing, and only with
   * another epoch. Empty: nothing may be missing, the epoch may not change and no gap be told.
   */
  readonly losses: readonly number[];
  /** True where messages may be trimmed. */
  readonly mayTrim: boolean;
  /** Refusals that clients must never see, in sentences. */
  readonly complaints: readonly string[];
}

/** Writes what was published so that equal contents, and only they, are equal texts. */
export function toMark(content: unknown, bytes?: string): string {
  const text = bytes === undefined ? `json ${JSON.stringify(content)}` : `bytes ${bytes}`;
  return text.length <= 40 ? text : `${text.slice(0, 20)}… ${text.length} ${Bun.hash(text)}`;
}

/** Reads a position that a server gave. @throws where it is none */
export function toPlace(text: string): { readonly epoch: string; readonly offset: number } {
  const place = parsePosition(text);
  if (place === undefined) throw new Error(`"${text}" is no position`);
  return place;
}
