/** What was acknowledged outlives its process, however that ends. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { runCrashRound } from "../support/crash-round.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

test("a store that is killed again and again keeps every acknowledged message at its place", async () => {
  using folder = createTemporaryFolder();
  const path = join(folder.path, "partyline.db");
  for (const killAfterMs of [1, 30, 90, 200, 350]) {
    const round = await runCrashRound(path, `after-${killAfterMs}`, killAfterMs, 1_000_000);
    expect(round.faults).toEqual([]);
    expect(round.acknowledged).toBeGreaterThan(0);
  }
}, 60_000);
