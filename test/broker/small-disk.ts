/** A disk that is soon full, where the system lets a test have one. */

import { rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

/** A mounted disk that is taken away at the end of a `using` block. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  readonly bytes: number;
}

const bytes = 4_194_304;

/** Mounts a disk of 4 MiB in memory, or says that it may not and returns undefined. */
export function mountSmallDisk(): SmallDisk | undefined {
  const folder = createTemporaryFolder();
  const mounted = run(["mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder.path]);
  if (!mounted) {
    folder[Symbol.dispose]();
    console.warn(
      "Left out: a full disk can be tried only where tests may mount one (root on Linux).",
    );
    return undefined;
  }
  return { path: folder.path, bytes, [Symbol.dispose]: () => unmount(folder) };
}

/** A disk whose writes and flushes fail when a test says so. */
export interface FailingDisk extends Disposable {
  readonly path: string;
  fail(): void;
  cure(): void;
}

/**
 * Mounts a file system on an image that promises more than lies below it: once that is used up, the
 * kernel takes writes and reports their loss when they are flushed, as it does for a broken disk.
 * Returns undefined where a test may not mount one.
 */
export function mountFailingDisk(): FailingDisk | undefined {
  const below = mountSmallDisk();
  if (below === undefined) return undefined;
  const folder = createTemporaryFolder();
  const image = join(below.path, "image");
  const filler = join(below.path, "filler");
  writeFileSync(image, "");
  truncateSync(image, bytes * 4);
  const format = ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", "nodiscard", image];
  const isMounted =
    run(format) && run(["mount", "-o", "loop,errors=continue,nodiscard", image, folder.path]);
  if (!isMounted) {
    folder[Symbol.dispose]();
    below[Symbol.dispose]();
    console.warn("Left out: a failing disk can be tried only where tests may mount an image.");
    return undefined;
  }
  return {
    path: folder.path,
    fail() {
      const { bavail, bsize } = statfsSync(below.path);
      writeFileSync(filler, new Uint8Array(bavail * bsize));
    },
    cure: () => rmSync(filler),
    [Symbol.dispose]() {
      unmount(folder);
      below[Symbol.dispose]();
    },
  };
}

function unmount(folder: TemporaryFolder): void {
  // Lazily: a process that was killed may not have let go of it yet.
  run(["umount", "-l", folder.path]);
  folder[Symbol.dispose]();
}

function run(command: string[]): boolean {
  if (process.platform !== "linux") return false;
  return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;
}
