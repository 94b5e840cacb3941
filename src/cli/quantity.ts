/** Numbers as people read them. */

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** Writes bytes in the largest unit that leaves at least 1, such as `31.2 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Writes a count with its noun: `1 room`, `1,200 rooms`. The plural has an s. */
export function formatCount(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Writes milliseconds in seconds, such as `0.3 s`. */
export function formatSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
