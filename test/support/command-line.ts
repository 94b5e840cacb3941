/** The command line inside a test's own process, with what it wrote. */

import { runCommandLine } from "../../src/cli/program.ts";
import type { EndSignal } from "../../src/cli/terminal.ts";
import { createTerminal } from "./terminal.ts";

/** What a command left behind, without a process. */
export interface CommandOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in a folder. `onSignal` gets what a signal would call. */
export async function runCommand(
  folder: string,
  given: readonly string[],
  onSignal: (end: (signal: EndSignal) => void) => void = () => {},
): Promise<CommandOutcome> {
  const { terminal, transcript } = createTerminal({ folder, onSignal });
  const code = await runCommandLine(given, terminal);
  return { code, ...transcript };
}
