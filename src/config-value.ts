/** The kinds of values that a configuration key may have: how each is read, and how it is written. */

import { isIPv6 } from "node:net";
import { resolve } from "node:path";

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
  parse(given: unknown, folder: string): Kept | undefined;
  format(value: Kept): string;
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
    parse: (given) => words.find((word) => word === given),
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
