/** What nodes are told of a room on its channel in Redis. */

/** Messages of one batch, as payloads, the first of them at offset `first`. */
export interface AnnouncedMessages {
  readonly kind: "messages";
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  /** Counts every message in this Redis, up to the newest of these. */
  readonly seq: number;
  /** The node that published them. */
  readonly node: string;
  /** Takes them apart, which is not done before they are needed; undefined where they are too large. */
  readonly payloads: (() => string[]) | undefined;
}

/** All messages up to an offset were forgotten. */
export interface AnnouncedForgetting {
  readonly kind: "forgotten";
  readonly epoch: string;
  readonly last: number;
  readonly node: string;
}

export type Announcement = AnnouncedMessages | AnnouncedForgetting;

const separator = "\u001e";
const messagesHead = /^([0-9a-z]+) (\d+) (\d+) (\d+) ([0-9a-z]+)$/;
const forgottenHead = /^! ([0-9a-z]+) (\d+) ([0-9a-z]+)$/;

/** Reads an announcement; undefined where it is none of ours. */
export function parseAnnouncement(text: string): Announcement | undefined {
  const end = text.indexOf("\n");
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const [, epoch, first, last, seq, node] = messagesHead.exec(head) ?? [];
  if (epoch !== undefined && node !== undefined) {
    const isBare = end + 1 === text.length;
    const payloads = isBare ? undefined : () => text.slice(end + 1).split(separator);
    const place = { first: Number(first), last: Number(last), seq: Number(seq) };
    return { kind: "messages", epoch, ...place, node, payloads };
  }
  const [, life, forgotten, by] = forgottenHead.exec(head) ?? [];
  if (life === undefined || by === undefined) return undefined;
  return { kind: "forgotten", epoch: life, last: Number(forgotten), node: by };
}
