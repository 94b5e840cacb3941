/** Whose request this is: the peer's address or, behind proxies that are trusted, what they say. */

import type { Server } from "bun";
import {
  type Address,
  contains,
  type Network,
  parseAddress,
  toAddressKey,
} from "../limit/network.ts";

/** Where a request came from. */
export interface Origination {
  /** What limits are counted by: see {@link toAddressKey}. `unknown` where there is no address. */
  readonly key: string;
  /** How the client spoke to the outermost trusted proxy; null where none says. */
  readonly protocol: "http" | "https" | null;
  /** True when the peer is not trusted, and sent a header that only a proxy has reason to send. */
  readonly isUnheard: boolean;
}

/** One proxy's word: whom it got the request from, and how. */
interface Hop {
  readonly address: Address | null;
  readonly protocol: string;
}

/** Hops that are looked at; a chain of proxies is shorter. */
const hopsMax = 16;

/** Tells where a request came from. */
export function findOrigination(
  request: Request,
  server: Server<unknown> | null,
  trusted: readonly Network[],
): Origination {
  const peer = parseAddress(server?.requestIP(request)?.address ?? "");
  return judge(request.headers, peer, trusted);
}

/**
 * As {@link findOrigination}, with the peer's address known. Each proxy adds whom it got the request
 * from at the right, so the list is believed from there, up to the first address that is no trusted
 * proxy: everything left of it may have been written by the client. What is no address ends the
 * list, and whoever sent it counts as the client. A proxy knows `Forwarded` (RFC 7239) or
 * `X-Forwarded-For` and passes the other on as the client wrote it. So where both are there and
 * name different clients, neither is believed.
 */
export function judge(
  headers: Headers,
  peer: Address | null,
  trusted: readonly Network[],
): Origination {
  const forwarded = headers.get("forwarded");
  const forwardedFor = headers.get("x-forwarded-for");
  if (peer === null || !isTrusted(peer, trusted)) {
    const isUnheard = forwarded !== null || forwardedFor !== null;
    return { key: peer === null ? "unknown" : toAddressKey(peer), protocol: null, isUnheard };
  }
  const own = { key: toAddressKey(peer), protocol: null, isUnheard: false };
  const found: Origination[] = [];
  if (forwarded !== null) found.push(walk(readForwarded(forwarded), own, trusted));
  if (forwardedFor !== null) {
    const protocols = headers.get("x-forwarded-proto") ?? "";
    found.push(walk(readForwardedFor(forwardedFor, protocols), own, trusted));
  }
  const [first, second] = found;
  if (first === undefined) return own;
  return second === undefined || second.key === first.key ? (second ?? first) : own;
}

/** Goes from the nearest hop outwards. */
function walk(hops: readonly Hop[], peer: Origination, trusted: readonly Network[]): Origination {
  let found = peer;
  for (const { address, protocol } of hops) {
    if (address === null) break;
    found = { key: toAddressKey(address), protocol: toProtocol(protocol), isUnheard: false };
    if (!isTrusted(address, trusted)) break;
  }
  return found;
}

function isTrusted(address: Address, trusted: readonly Network[]): boolean {
  return trusted.some((network) => contains(network, address));
}

/** The nearest hop first. */
function readForwarded(text: string): Hop[] {
  return lastParts(text).map((element) => {
    const pairs = new Map<string, string>();
    for (const pair of element.split(";")) {
      const [name = "", value = ""] = pair.split("=", 2);
      pairs.set(name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1"));
    }
    return { address: parseNode(pairs.get("for") ?? ""), protocol: pairs.get("proto") ?? "" };
  });
}

/** The nearest hop first. One protocol alone is what the outermost proxy saw, and holds for all. */
function readForwardedFor(text: string, protocols: string): Hop[] {
  const said = lastParts(protocols);
  return lastParts(text).map((node, index) => ({
    address: parseNode(node),
    protocol: said[index] ?? said.at(-1) ?? "",
  }));
}

function lastParts(text: string): string[] {
  return text
    .split(",")
    .slice(-hopsMax)
    .reverse()
    .map((part) => part.trim());
}

/** Reads an address that may have a port: `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`. */
function parseNode(text: string): Address | null {
  const [, bracketed, dotted] = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+)(?::\d+)?$/.exec(text) ?? [];
  return parseAddress(bracketed ?? dotted ?? text);
}

function toProtocol(text: string): Origination["protocol"] {
  const word = text.toLowerCase();
  return word === "http" || word === "https" ? word : null;
}
