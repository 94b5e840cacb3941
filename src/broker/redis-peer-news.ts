/** What nodes tell each other of a room, as text: who is there, and signals. */

import type { Body } from "../hub/message.ts";
import type { Share } from "../hub/ports.ts";
import type { Sender } from "../protocol/frame.ts";

/**
 * What became of a node's members and observers of a room. `version` counts what the node has told, so
 * that news and the state they led to can be put in order.
 */
export interface PresenceNews {
  readonly kind: "presence";
  readonly node: string;
  readonly version: number;
  readonly shares: readonly Share[];
  readonly gone: readonly string[];
  /** How many read there without being members; null where that has not changed. */
  readonly observers: number | null;
  /** True when nobody is there any more. */
  readonly absent: boolean;
}

/** Something told to a room that is not kept. */
export interface SignalNews {
  readonly kind: "signal";
  readonly node: string;
  readonly from: Sender;
  readonly body: Body;
}

/** Nodes of older versions leave `namedAt` out, and read no further than `connections`. */
type ShareTuple = readonly [name: string, joinedAt: number, connections: number, namedAt?: number];

/** The JSON of presence news. A share is [id, name, joinedAt, connections, namedAt]. */
interface Told {
  readonly shares?: readonly (readonly [string, ...ShareTuple])[];
  readonly gone?: readonly string[];
  readonly observers?: number;
  readonly absent?: boolean;
}

/** Encodes news of who is in a room on a node. */
export function encodePresenceNews(news: Omit<PresenceNews, "kind">): string {
  const { node, version, shares, gone, observers, absent } = news;
  const told: Told = absent
    ? { absent }
    : {
        ...(shares.length > 0 && { shares: shares.map(toTuple) }),
        ...(gone.length > 0 && { gone }),
        ...(observers !== null && { observers }),
      };
  return `${node} ${version} ${JSON.stringify(told)}`;
}

/** Encodes a signal. Its body is appended as it is, or as base64. */
export function encodeSignalNews(node: string, { id, name }: Sender, body: Body): string {
  const head = `${node} signal ${JSON.stringify([id, name, body.kind])}\n`;
  if (body.kind === "json") return head + body.json;
  return head + Buffer.from(body.bytes).toString("base64");
}

/** Names the node that news come from, without reading them. */
export function nodeOf(text: string): string {
  return text.slice(0, text.indexOf(" "));
}

/** Decodes what a node told. @throws SyntaxError for what no node tells */
export function decodeNews(text: string): PresenceNews | SignalNews {
  const node = nodeOf(text);
  const end = text.indexOf(" ", node.length + 1);
  const word = text.slice(node.length + 1, end);
  if (word === "signal") {
    const line = text.indexOf("\n", end);
    const [id, name, kind]: [string, string, string] = JSON.parse(text.slice(end, line));
    const rest = text.slice(line + 1);
    const body: Body =
      kind === "json"
        ? { kind: "json", json: rest }
        : { kind: "bytes", bytes: Uint8Array.fromBase64(rest) };
    return { kind: "signal", node, from: { id, name }, body };
  }
  const told: Told = JSON.parse(text.slice(end));
  const { gone = [], observers = null, absent = false } = told;
  const shares = (told.shares ?? []).map(([id, ...tuple]) => toShare(id, tuple));
  return { kind: "presence", node, version: Number(word), shares, gone, observers, absent };
}

/** The name of a user's field: JSON, so that lone surrogates stay apart, and none is empty. */
export function toField(user: string): string {
  return JSON.stringify(user);
}

/** The value of a share's field. */
export function toValue({ name, joinedAt, connections, namedAt }: Share): string {
  return JSON.stringify([name, joinedAt, connections, namedAt] satisfies ShareTuple);
}

/** What a node's fields of a room say. */
export interface NodeCrowd {
  readonly version: number;
  readonly observers: number;
  readonly shares: readonly Share[];
}

/** Reads the fields and values of a node's members of a room, as Redis lists them. */
export function parseFields(fields: readonly string[]): NodeCrowd {
  const shares: Share[] = [];
  let [version, observers] = [0, 0];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [field = "", value = ""] = fields.slice(index, index + 2);
    if (field === "") [version = 0, observers = 0] = value.split(" ").map(Number);
    else shares.push(toShare(JSON.parse(field), JSON.parse(value)));
  }
  return { version, observers, shares: shares.sort((a, b) => a.joinedAt - b.joinedAt) };
}

function toTuple(share: Share): readonly [string, ...ShareTuple] {
  const { id, name, joinedAt, connections, namedAt } = share;
  return [id, name, joinedAt, connections, namedAt];
}

function toShare(id: string, tuple: ShareTuple): Share {
  const [name, joinedAt, connections, namedAt = joinedAt] = tuple;
  return { id, name, joinedAt, connections, namedAt };
}
