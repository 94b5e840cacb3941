/** IP addresses and networks: read, compared, and shortened to what one customer gets. */

import { isIPv4, isIPv6 } from "node:net";

/** Eight groups of 16 bits. IPv4 stands in the last two, behind `::ffff`, as RFC 4291 maps it. */
export type Address = readonly number[];

/** An address and how many of its bits count. */
export interface Network {
  readonly address: Address;
  /** 0 to 128; an IPv4 network's own bits and the 96 before them. */
  readonly bits: number;
}

const mapped: Address = [0, 0, 0, 0, 0, 0xffff];

/** Reads an IPv4 or IPv6 address; a zone behind `%` is left out. Null when it is none. */
export function parseAddress(text: string): Address | null {
  const [bare = ""] = text.split("%", 1);
  if (isIPv4(bare)) return [...mapped, ...toGroups(bare)];
  if (!isIPv6(bare)) return null;
  const dots = bare.lastIndexOf(".") > 0 ? bare.slice(bare.lastIndexOf(":") + 1) : "";
  const [head = "", tail] = bare.slice(0, bare.length - dots.length).split("::");
  const first = readGroups(head);
  const last = [...readGroups(tail ?? ""), ...(dots === "" ? [] : toGroups(dots))];
  const zeros = new Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0);
  return [...first, ...zeros, ...last];
}

/** Reads `10.0.0.0/8`, `2001:db8::/32`, or one address. Null when it is neither. */
export function parseNetwork(text: string): Network | null {
  const [, host = "", digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(host);
  if (address === null) return null;
  const offset = isIPv4(host) ? 96 : 0;
  const bits = digits === undefined ? 128 : Number(digits) + offset;
  return bits > 128 ? null : { address, bits };
}

/** Tells whether an address lies in a network. */
export function contains({ address, bits }: Network, candidate: Address): boolean {
  for (let index = 0; index * 16 < bits; index += 1) {
    const shift = Math.max(0, 16 - (bits - index * 16));
    if ((address[index] ?? 0) >> shift !== (candidate[index] ?? 0) >> shift) return false;
  }
  return true;
}

/**
 * Names what limits are counted by: an IPv4 address, or the /64 of an IPv6 address, since whoever
 * has one address of it has them all (RFC 6177).
 */
export function toAddressKey(address: Address): string {
  if (mapped.every((group, index) => address[index] === group)) {
    const [high = 0, low = 0] = address.slice(6);
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  return `${address
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

function readGroups(text: string): number[] {
  return text
    .split(":")
    .filter((group) => group !== "")
    .map((group) => Number.parseInt(group, 16));
}

function toGroups(dotted: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}
