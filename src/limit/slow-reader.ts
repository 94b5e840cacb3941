/** What becomes of a reader that is behind: it is cut, or skips to the newest message. */

import { isRoomPattern } from "../protocol/room-name.ts";

const skipping = "drop-to-latest";
const patternsMax = 1_000;

/** Completes the sentence "give …". */
export const slowReaderForm = `cut, ${skipping}, or ${skipping}:<rooms>, such as ${skipping}:price-*,score`;

/** Tells whether a text is a rule for slow readers. */
export function isSlowReaderRule(text: string): boolean {
  if (text === "cut" || text === skipping) return true;
  if (!text.startsWith(`${skipping}:`)) return false;
  const patterns = toPatterns(text);
  return patterns.length <= patternsMax && patterns.every(isRoomPattern);
}

/**
 * Tells of which rooms only the newest message counts. A pattern is a room's name, or the beginning of
 * names and `*`; rooms that start with `$` are covered only by patterns that do.
 */
export function toLatestOnly(rule: string): (room: string) => boolean {
  if (rule === "cut") return () => false;
  const patterns = rule === skipping ? ["*"] : toPatterns(rule);
  const names = new Set(patterns);
  const prefixes = patterns.flatMap((each) => (each.endsWith("*") ? [each.slice(0, -1)] : []));
  return (room) => {
    if (names.has(room)) return true;
    const isOurs = room.startsWith("$");
    return prefixes.some((prefix) => room.startsWith(prefix) && (prefix !== "" || !isOurs));
  };
}

function toPatterns(rule: string): string[] {
  return rule
    .slice(skipping.length + 1)
    .split(",")
    .map((each) => each.trim());
}
