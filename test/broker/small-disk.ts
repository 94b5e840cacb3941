/** A disk that is soon full, where the system lets a test have one. */

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

function unmount(folder: TemporaryFolder): void {
  run(["umount", folder.path]);
  folder[Symbol.dispose]();
}

function run(command: string[]): boolean {
  if (process.platform !== "linux") return false;
  return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;
}
