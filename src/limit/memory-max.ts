/** How much memory a process may use before the kernel ends it. */

import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";

/** What is left is for the kernel's buffers, and for what is under way when the bound is reached. */
const part = 0.8;
const root = "/sys/fs/cgroup";

/**
 * Four fifths of the memory of the machine, or of the control group where that has less; of that, the
 * part of one of `processes` that share it.
 */
export function readMemoryMax(processes = 1): number {
  const groupBytes = readGroupMax(root, readText("/proc/self/cgroup") ?? "");
  return Math.floor(toMemoryMax(totalmem(), groupBytes) / processes);
}

/** As {@link readMemoryMax}, of bounds that are known; null where a group sets none. */
export function toMemoryMax(machineBytes: number, groupBytes: number | null): number {
  return Math.floor(Math.min(machineBytes, groupBytes ?? machineBytes) * part);
}

/**
 * The least that a control group of version 2, or one around it, lets its processes use; null where
 * none sets a bound. `membership` is what `/proc/self/cgroup` says.
 */
export function readGroupMax(root: string, membership: string): number | null {
  const own = /^0::(\/.*)$/m.exec(membership)?.[1] ?? "/";
  let least: number | null = null;
  for (let path = own; ; path = dirname(path)) {
    for (const name of ["memory.max", "memory.high"]) {
      const text = readText(join(root, path, name))?.trim() ?? "";
      if (/^\d+$/.test(text)) least = Math.min(least ?? Number.POSITIVE_INFINITY, Number(text));
    }
    if (path === "/") return least;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // no such group, or a system without them
  }
}
