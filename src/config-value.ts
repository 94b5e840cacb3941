/** The kinds of values that a configuration key may have: how each is read, and how it is written. */

import { isIPv4, isIPv6 } from "node:net";
import { resolve } from "node:path";
import { anonymousForm, isAnonymousAccess } from "./auth/anonymous.ts";
import { isOriginList, originsForm } from "./auth/origin.ts";
import { secretBytesMax, secretBytesMin, toSecret } from "./auth/secret.ts";

/** What a key holds once it was read. */
export type Value = string | number | boolean;

/**
 * One kind of value. `parse` takes what a flag, a variable or TOML gave, and the folder that a
 * relative path starts from; it returns undefined for anything not accepted. `format` writes a value
 * as TOML that `parse` reads back as the same value.
 */
export interface Kind<Kept extends Value> {
  /** How the help names a value of this kind; empty for a flag that takes none. */
  readonly placeholder: string;
  /** Completes the sentence "give …". */
  readonly accepts: string;
  /** True where a value must never be shown, not even in the sentence that refuses it. */
  readonly isSecret?: true;
  /** True where a flag may be given several times; what it gave is put together with commas. */
  readonly isRepeatable?: true;
  parse(given: unknown, folder: string): Kept | undefined;
  format(value: Kept): string;
  /** Says in a sentence, without the value, what is wrong with one; undefined where nothing is known. */
  explain?(given: unknown): string | undefined;
}

interface Unit {
  readonly suffix: string;
  readonly factor: number;
}

/** Largest unit first, so that writing finds the shortest form. */
const durationUnits: readonly Unit[] = [
  { suffix: "d", factor: 86_400_000 },
  { suffix: "h", factor: 3_600_000 },
  { suffix: "m", factor: 60_000 },
  { suffix: "s", factor: 1_000 },
  { suffix: "ms", factor: 1 },
];
const sizeUnits: readonly Unit[] = [
  { suffix: "GiB", factor: 1_073_741_824 },
  { suffix: "MiB", factor: 1_048_576 },
  { suffix: "KiB", factor: 1_024 },
  { suffix: "", factor: 1 },
];
const pathLengthMax = 4_096;

/** A host name or an IP address; IPv6 with or without brackets. */
export const hostKind: Kind<string> = {
  placeholder: "<address>",
  accepts: "a host name or an IP address, such as 127.0.0.1, localhost or ::1",
  parse(given) {
    if (typeof given !== "string") return undefined;
    const host = given.replace(/^\[(.*)\]$/, "$1");
    const isName = /^(?=.{1,253}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(host);
    return isName || isIPv6(host) ? host : undefined;
  },
  format: (value) => JSON.stringify(value),
};

/** A path, made absolute. */
export const pathKind: Kind<string> = {
  placeholder: "<path>",
  accepts: "a path",
  parse(given, folder) {
    if (typeof given !== "string" || given === "" || given.includes("\0")) return undefined;
    return given.length > pathLengthMax ? undefined : resolve(folder, given);
  },
  format: (value) => JSON.stringify(value),
};

/** Text shared with whoever signs tokens. It is never shown. */
export const secretKind: Kind<string> = {
  placeholder: "<text>",
  accepts: `a secret of ${secretBytesMin} to ${secretBytesMax} bytes; openssl rand -base64 48 makes one`,
  isSecret: true,
  parse(given) {
    return typeof given === "string" && toSecret(given) !== undefined ? given : undefined;
  },
  // Shorter than any secret: a printed configuration that is read back is refused, not weakened.
  format: () => JSON.stringify("(secret)"),
};

/** A name that stands in a token as `iss` or `aud`. */
export const issuerTextKind: Kind<string> = {
  placeholder: "<text>",
  accepts: "a text of 1 to 2048 visible characters, exactly as it stands in the token",
  parse(given) {
    return typeof given === "string" && /^[^\p{C}]{1,2048}$/u.test(given) ? given : undefined;
  },
  format: (value) => JSON.stringify(value),
};

/** Where an issuer publishes its keys. Plain HTTP would let anybody on the way put theirs there. */
export const jwksUrlKind: Kind<string> = {
  placeholder: "<url>",
  accepts: "an https URL, or http on this machine, without a user, a password or a fragment",
  parse(given) {
    if (typeof given !== "string" || given.length > 2_048) return undefined;
    const url = URL.parse(given);
    if (url === null || url.username !== "" || url.password !== "" || url.hash !== "")
      return undefined;
    const isHere = url.protocol === "http:" && isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1"));
    return url.protocol === "https:" || isHere ? url.href : undefined;
  },
  format: (value) => JSON.stringify(value),
};

/** What people without a token may do. */
export const anonymousKind: Kind<string> = {
  placeholder: "<access>",
  accepts: anonymousForm,
  parse(given) {
    return typeof given === "string" && isAnonymousAccess(given) ? given : undefined;
  },
  format: (value) => JSON.stringify(value),
};

/** Origins of pages, between commas; in TOML also an array. */
export const originsKind: Kind<string> = {
  placeholder: "<origins>",
  accepts: originsForm,
  isRepeatable: true,
  parse(given) {
    const text = Array.isArray(given) ? given.join(",") : given;
    return typeof text === "string" && isOriginList(text) ? text : undefined;
  },
  format: (value) => JSON.stringify(value),
};

/** Tells whether a host leads to this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** On or off. */
export const switchKind: Kind<boolean> = {
  placeholder: "",
  accepts: "true or false",
  parse(given) {
    if (typeof given === "boolean") return given;
    return given === "true" ? true : given === "false" ? false : undefined;
  },
  format: (value) => String(value),
};

/** A whole number from `min` to `max`. */
export function countKind(placeholder: string, min: number, max: number): Kind<number> {
  return {
    placeholder,
    accepts: `a whole number from ${min} to ${max}`,
    parse: (given) => within(toWhole(given), min, max),
    format: (value) => String(value),
  };
}

/** Milliseconds, written as `500ms`, `30s`, `5m`, `12h` or `7d`. */
export function durationKind(maxMs: number): Kind<number> {
  return {
    placeholder: "<duration>",
    accepts: `a duration such as 500ms, 30s, 5m, 12h or 7d, at most ${write(maxMs, durationUnits)}`,
    parse(given) {
      return given === "0" || given === 0 ? 0 : within(read(given, durationUnits), 0, maxMs);
    },
    format: (value) => JSON.stringify(write(value, durationUnits)),
  };
}

/** Bytes, written as `1048576`, `64KiB`, `1MiB` or `2GiB`. */
export function sizeKind(minBytes: number, maxBytes: number): Kind<number> {
  const [least, most] = [write(minBytes, sizeUnits), write(maxBytes, sizeUnits)];
  return {
    placeholder: "<size>",
    accepts: `a size such as 65536, 64KiB, 1MiB or 2GiB, from ${least} to ${most}`,
    parse: (given) => within(toWhole(given) ?? read(given, sizeUnits), minBytes, maxBytes),
    format(value) {
      const text = write(value, sizeUnits);
      return /^\d+$/.test(text) ? text : JSON.stringify(text);
    },
  };
}

/** One of a few words. */
export function choiceKind<const Word extends string>(words: readonly Word[]): Kind<Word> {
  return {
    placeholder: "<word>",
    accepts: `one of ${words.join(", ")}`,
    // TOML writes a word such as 1.2 as a number.
    parse: (given) =>
      words.find((word) => word === (typeof given === "number" ? `${given}` : given)),
    format: (value) => JSON.stringify(value),
  };
}

function toWhole(given: unknown): number | undefined {
  if (typeof given === "string" && /^\d{1,16}$/.test(given)) return Number(given);
  return typeof given === "number" && Number.isSafeInteger(given) ? given : undefined;
}

function within(number: number | undefined, min: number, max: number): number | undefined {
  return number !== undefined && number >= min && number <= max ? number : undefined;
}

function read(given: unknown, units: readonly Unit[]): number | undefined {
  const match = typeof given === "string" ? /^(\d{1,16})([A-Za-z]*)$/.exec(given) : null;
  const unit = units.find(({ suffix }) => suffix === match?.[2]);
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit.factor;
}

function write(number: number, units: readonly Unit[]): string {
  const unit = units.find(({ factor }) => number >= factor && number % factor === 0);
  return unit === undefined ? String(number) : `${number / unit.factor}${unit.suffix}`;
}
