/** Brings a store's tables to the version this program knows. */

import type { Database } from "bun:sqlite";
import messages from "./schema/0001_messages.sql" with { type: "text" };
import revocations from "./schema/0002_revocations.sql" with { type: "text" };
import { applicationId } from "./store-inspection.ts";

/** Every step in order; the n-th takes a store from version n - 1 to n. Steps are never changed. */
const steps: readonly string[] = [messages, revocations];

/** The version that this program writes. */
export const schemaVersion = steps.length;

/**
 * Runs the steps a store has not had, each in a transaction with the number it leads to.
 * A store that was cut off in between goes on from there.
 */
export function applySchema(database: Database): void {
  const [row] = database.query("PRAGMA user_version").values();
  for (let version = Number(row?.[0]); version < schemaVersion; version += 1) {
    const step = steps[version];
    if (step === undefined) break;
    database.transaction(() => {
      database.run(step);
      // A pragma takes no parameters; both are numbers of this program.
      database.run(`PRAGMA user_version = ${version + 1}`);
      database.run(`PRAGMA application_id = ${applicationId}`);
    })();
  }
}
