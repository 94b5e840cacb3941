/** What the commands of a client share: how they begin and how they fail. */

import { LineError } from "../client/index.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { Arguments } from "./command.ts";
import { readTarget, SetupError, type Target } from "./connection-options.ts";
import { exitCodes } from "./exit-codes.ts";
import { UsageError } from "./option.ts";
import type { Terminal } from "./terminal.ts";
import { LineRefusal } from "./text-lines.ts";
import { toVisible } from "./visible-text.ts";

/**
 * Does the work of a command with the server that the flags name. Says what is wrong in a sentence and
 * resolves to 2 for wrong flags, and to 1 for what a server refused or a machine has not.
 */
export async function runClient(
  given: Arguments,
  terminal: Terminal,
  act: (target: Target) => Promise<number>,
): Promise<number> {
  try {
    return await act(readTarget(given, terminal));
  } catch (error) {
    if (!isExpected(error)) throw error;
    terminal.complain(`${toVisible(error.message)}\n`);
    return error instanceof UsageError ? exitCodes.usage : exitCodes.failed;
  }
}

function isExpected(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    error instanceof SetupError ||
    error instanceof LineError ||
    error instanceof LineRefusal ||
    error instanceof PartylineError
  );
}
