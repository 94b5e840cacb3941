/** Which pages may connect: where a page is from (RFC 6454), and by what name it called the server. */

import { isIPv4 } from "node:net";

/** Pages of other origins that were let in. */
export interface Origins {
  readonly isEmpty: boolean;
  /** Tells whether a page may connect; `origin` is the header as it came. */
  allows(origin: string): boolean;
  /** Tells whether a host is that of an origin that was let in. */
  names(host: string): boolean;
}

/** Completes the sentence "give …" for the form that {@link isOriginList} accepts. */
export const originsForm =
  "origins such as https://chat.example or https://*.example.com, between commas, or * for any page";

/** A name has at most 253 signs; beyond this no browser wrote it. */
const originLengthMax = 300;
const originsMax = 100;
const originForm = /^([a-z][a-z0-9+.-]{0,30}):\/\/([^/?#@\\\s]+)$/;
const authorityForm = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)(?::(\d{1,5}))?$/;
const defaultPorts: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** An origin in parts. `port` is the scheme's own where none stands there. */
interface Parts {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

/** Tells whether a text is a list of origins, as `--allow-origin` takes it. */
export function isOriginList(text: string): boolean {
  return parseList(text) !== undefined;
}

/** Reads a list of origins; null lets in none. A text that is no list lets in none either. */
export function createOrigins(text: string | null): Origins {
  const list = (text === null ? undefined : parseList(text)) ?? [];
  const isAny = list.includes("*");
  const patterns = list.filter((each) => each !== "*");
  return {
    isEmpty: list.length === 0,
    allows(origin) {
      if (isAny) return true;
      const page = parseOrigin(origin);
      return page !== undefined && patterns.some((pattern) => covers(pattern, page));
    },
    names(host) {
      const called = parseAuthority(host, "");
      return isAny || (called !== undefined && patterns.some(({ host }) => matches(host, called)));
    },
  };
}

/**
 * Tells whether a page is of the origin that it asks: the same host and port, and the scheme that the
 * client used. `scheme` is null where a proxy may have taken the TLS off; then both are taken, since
 * one port of one host speaks only one of them. Anything odd is of another origin: `null`, several
 * origins in one header, several hosts.
 */
export function isSameOrigin(origin: string, host: string, scheme: "https" | null): boolean {
  const page = parseOrigin(origin);
  if (page === undefined || !Object.hasOwn(defaultPorts, page.scheme)) return false;
  if (scheme !== null && page.scheme !== scheme) return false;
  const called = parseAuthority(host, page.scheme);
  return called !== undefined && called.host === page.host && called.port === page.port;
}

/**
 * Tells whether a host leads to this machine whatever a name server says: an IP address, or
 * `localhost` and what lies below it. Any other name can be made to lead here by its owner, so that
 * the owner's page counts as one of ours (DNS rebinding).
 */
export function isFixedHost(host: string): boolean {
  const name = parseAuthority(host, "")?.host.replace(/\.$/, "");
  if (name === undefined) return false;
  return name.startsWith("[") || isIPv4(name) || /(^|\.)localhost$/.test(name);
}

function parseList(text: string): ("*" | Parts)[] | undefined {
  const patterns: ("*" | Parts)[] = [];
  for (const each of text.split(",")) {
    const pattern = parsePattern(each.trim());
    if (pattern === undefined || patterns.length >= originsMax) return undefined;
    patterns.push(pattern);
  }
  return patterns;
}

/** `*.` stands for one label or more; it has to stand before a name. */
function parsePattern(text: string): "*" | Parts | undefined {
  if (text === "*") return "*";
  const [, before = "", after] = /^([^*]*:\/\/)\*\.([^*]*)$/.exec(text) ?? [];
  if (after === undefined) return parseOrigin(text);
  const parts = parseOrigin(`${before}${after}`);
  const isName = parts !== undefined && /^[^[].*[^.\d]$/.test(parts.host);
  return isName ? { ...parts, host: `*.${parts.host}` } : undefined;
}

function parseOrigin(text: string): Parts | undefined {
  if (text.length > originLengthMax) return undefined;
  const [, scheme, authority] = originForm.exec(text.toLowerCase()) ?? [];
  if (scheme === undefined || authority === undefined) return undefined;
  const parts = parseAuthority(authority, scheme);
  return parts === undefined ? undefined : { scheme, ...parts };
}

function parseAuthority(text: string, scheme: string): Omit<Parts, "scheme"> | undefined {
  if (text.length > originLengthMax) return undefined;
  const [, host, port] = authorityForm.exec(text.toLowerCase()) ?? [];
  if (host === undefined || Number(port ?? 0) > 65_535) return undefined;
  const own = Object.hasOwn(defaultPorts, scheme) ? defaultPorts[scheme] : undefined;
  return { host, port: port === undefined ? (own ?? "") : String(Number(port)) };
}

function covers(pattern: Parts, page: Parts): boolean {
  if (pattern.scheme !== page.scheme || pattern.port !== page.port) return false;
  return matches(pattern.host, page);
}

function matches(pattern: string, { host }: Pick<Parts, "host">): boolean {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern;
}
