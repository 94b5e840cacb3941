/** One user in a room, as the presence of the room keeps it. */

import type { Sender } from "../protocol/frame.ts";
import type { Peers, Share } from "./ports.ts";

/** A member: here, on other nodes, or both. */
export interface Present extends Sender {
  name: string;
  /** When the name was given: of several names the last is shown, on all nodes. */
  namedAt: number;
  /** The earliest that was told while the user was a member without a break. */
  joinedAt: number;
  /** Those to this node. */
  connections: number;
  /** Not null while the user was cut off and may come back. */
  cancelGrace: (() => void) | null;
}

type Named = Pick<Share, "name" | "namedAt">;

/** Milliseconds between two looks whether other nodes can be reached. */
const blindMs = 1_000;

/** Where other nodes are told of the users who are in one room here. */
export interface Outside {
  /** True while whoever leaves here may be elsewhere, where that cannot be told. */
  readonly isBlind: boolean;
  share(share: Share): void;
  unshare(user: string): void;
}

/** Tells of one room what is told to the other nodes; null where there are none. */
export function toOutside(
  peers: Pick<Peers, "isBlind" | "share" | "unshare"> | null,
  room: string,
): Outside | null {
  if (peers === null) return null;
  return {
    get isBlind() {
      return peers.isBlind;
    },
    share: (share) => peers.share(room, share),
    unshare: (user) => peers.unshare(room, user),
  };
}

/**
 * How long it is waited for a user who has no connection here any more: for `graceMs`, and in any case
 * until it may be known whether they are elsewhere. 0 for somebody anonymous, whose next connection has
 * another id.
 */
export function toWaitMs(id: string, graceMs: number, outside: Outside | null): number {
  if (id.startsWith("~")) return 0;
  return Math.max(graceMs, outside?.isBlind === true ? blindMs : 0);
}

/** Tells whether a user is on this node, or was a moment ago. */
export function isHere({ connections, cancelGrace }: Present): boolean {
  return connections > 0 || cancelGrace !== null;
}

/** Tells whether the one name is shown and not the other. Every node decides alike. */
export function isNamedLater(one: Named, other: Named): boolean {
  return one.namedAt === other.namedAt ? one.name > other.name : one.namedAt > other.namedAt;
}

/** What other nodes are told of a user. */
export function toShare({ id, name, joinedAt, connections, namedAt }: Present): Share {
  return { id, name, joinedAt, connections, namedAt };
}
