/** One user in a room, as the presence of the room keeps it. */

import type { Sender } from "../protocol/frame.ts";
import type { Peers, Share } from "./ports.ts";

/** A member: here, on other nodes, or both. */
export interface Present extends Sender {
  name: string;
  /** The earliest that was told while the user was a member without a break. */
  joinedAt: number;
  /** Those to this node. */
  connections: number;
  /** Not null while the user was cut off and may come back. */
  cancelGrace: (() => void) | null;
}

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

/** How long it is waited until it may be known whether somebody is elsewhere; 0 when it is. */
export function toBlindMs(outside: Outside | null): number {
  return outside?.isBlind === true ? blindMs : 0;
}

/** Tells whether a user is on this node, or was a moment ago. */
export function isHere({ connections, cancelGrace }: Present): boolean {
  return connections > 0 || cancelGrace !== null;
}

/** Tells of a user's id that the next connection has another: the user is anonymous ("~"). */
export function isAnonymous(id: string): boolean {
  return id.charCodeAt(0) === 0x7e;
}

/** What other nodes are told of a user. */
export function toShare({ id, name, joinedAt, connections }: Present): Share {
  return { id, name, joinedAt, connections };
}
