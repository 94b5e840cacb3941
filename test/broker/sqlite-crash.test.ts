/** What was acknowledged outlives its process, however that ends. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Phase } from "../support/crash-phase.ts";
import { type Acknowledged, runCrashRound } from "../support/crash-round.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

test("a store that is killed again and again keeps every acknowledged message at its place", async () => {
  using folder = createTemporaryFolder();
  const path = join(folder.path, "partyline.db");
  const known: Acknowledged[] = [];
  const epochs: string[] = [];
  const aims: readonly [aim: Phase | undefined, killAfterMs: number][] = [
    ["schema", 0],
    [undefined, 1],
    ["commit", 60],
    ["opening", 0],
    ["checkpoint", 60],
    ["retention", 60],
  ];
  for (const [aim, killAfterMs] of aims) {
    const name = `${aim ?? "any"}-${killAfterMs}`;
    const plan = { path, name, killAfterMs, walBytesMax: 500_000, durability: "process" } as const;
    const round = await runCrashRound({ ...plan, ...(aim === undefined ? {} : { aim }), known });
    expect(round.faults).toEqual([]);
    known.push(...round.acknowledged);
    epochs.push(round.epoch);
  }
  // The first kill may come before the store has an epoch.
  expect(new Set(epochs.slice(1)).size).toBe(1);
  expect(known.length).toBeGreaterThan(0);
}, 60_000);
