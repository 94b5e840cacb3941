/** Numbers with their units: as text, and as the marks of an axis. */

import { bytesText } from "../app/words.ts";

/** A kind of number. `least` is where its axis ends at least, so that noise near 0 looks small. */
export interface Quantity {
  readonly least: number;
  text(value: number): string;
  mark(value: number): string;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** What stands where nothing was measured. */
export const nothing = "–";

/** Things that are there. */
export const count: Quantity = { least: 4, text: countOf, mark: (value) => compact.format(value) };

/** Things a second. */
export const rate: Quantity = {
  least: 4,
  text: (value) => `${value < 9.95 ? tenths.format(value) : whole.format(value)}/s`,
  mark: (value) => `${compact.format(value)}/s`,
};

/** Bytes that are there. */
export const bytes: Quantity = { least: 4_000, text: bytesText, mark: bytesMark };

/** Bytes a second. */
export const byteRate: Quantity = {
  least: 4_000,
  text: (value) => `${bytesText(value)}/s`,
  mark: (value) => `${bytesMark(value)}/s`,
};

/** How long something took. */
export const milliseconds: Quantity = { least: 2, text: millisecondsText, mark: millisecondsText };

/** Cores in use. */
export const cores: Quantity = {
  least: 1,
  text: (value) => `${value.toFixed(2)} ${value === 1 ? "core" : "cores"}`,
  mark: (value) => tenths.format(value),
};

/** A count without a unit: "1,204". */
export function countOf(value: number): string {
  return whole.format(value);
}

/** How long something lasts, in its two largest units: "12 s", "3 h 12 min", "2 d 4 h". */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes < 10 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function bytesMark(value: number): string {
  return value === 0
    ? "0"
    : bytesText(value)
        .replace(/\.0(?= )/, "")
        .replace(" bytes", " B");
}

function millisecondsText(value: number): string {
  if (value === 0) return "0 ms";
  if (value >= 999.5) return `${tenths.format(value / 1_000)} s`;
  if (value >= 9.95) return `${whole.format(value)} ms`;
  return `${value < 0.995 ? Number(value.toFixed(2)) : tenths.format(value)} ms`;
}
