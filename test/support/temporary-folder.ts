/** Folders for one test each, below the system's folder for temporary files. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that is removed with all that is in it at the end of a `using` block. */
export interface TemporaryFolder extends Disposable {
  readonly path: string;
}

/** Makes an empty folder. */
export function createTemporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), "partyline-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
