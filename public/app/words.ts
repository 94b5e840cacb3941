/** Times, sizes and counts in words. */

const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayFormat = new Intl.DateTimeFormat("en", {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
});
const numberFormat = new Intl.NumberFormat("en");
const units = ["bytes", "KB", "MB", "GB", "TB"];

/** The time of day, as the reader's own settings write it. `at` is milliseconds since 1970. */
export function timeText(at: number): string {
  return timeFormat.format(at);
}

/** The full date and time, for a hover. */
export function fullTimeText(at: number): string {
  return fullFormat.format(at);
}

/** The day in the reader's own zone: "Today", "Yesterday", or the date. */
export function dayText(at: number, now = Date.now()): string {
  const day = new Date(at).toDateString();
  if (day === new Date(now).toDateString()) return "Today";
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1); // not minus 24 hours: days can have 23 or 25
  return day === yesterday.toDateString() ? "Yesterday" : dayFormat.format(at);
}

/** A count with its noun: "1 person", "1,204 people". */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${numberFormat.format(count)} ${count === 1 ? one : many}`;
}

/** Bytes with three digits at most: "812 bytes", "1.4 MB". */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return countText(bytes, "byte");
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Names in a row: "Alice", "Alice and Bob", "Alice, Bob and Carol". */
export function namesText(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}
