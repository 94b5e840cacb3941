/** How a command that serves comes to its end: gently at the first signal, at once at the second. */

import { exitCodes, signalCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Signals this close together are one: at Ctrl-C the terminal signals the whole group, and `bun run`
 * (1.4.5) passes its own on to the script that has got it already.
 */
export const sameSignalMs = 500;

/**
 * Waits for a signal, then stops. Resolves to the exit code: 0 once `stop` is done, 1 if it failed,
 * and 128 with the signal's number if a second one came before that, of which `note` writes a line
 * to the log. `now` is in milliseconds.
 */
export function endOnSignal(
  terminal: Terminal,
  stop: () => Promise<void>,
  now: () => number,
  note: (fields: object, text: string) => void,
): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let firstAt: number | undefined;
  let isOver = false;
  const end = (code: number) => {
    isOver = true;
    resolve(code);
  };
  terminal.onSignal((signal) => {
    if (firstAt !== undefined) {
      if (isOver || now() - firstAt < sameSignalMs) return;
      note({ signal }, `Stopped at once by a second signal, ${signal}: the rest was cut off.`);
      end(signalCodes[signal]);
      return;
    }
    firstAt = now();
    // A service's standard error is its log, in which lines of another form have no place.
    if (terminal.isWatched === true) {
      terminal.complain("Stopping; a second signal stops at once.\n");
    }
    stop().then(
      () => end(exitCodes.ok),
      (error: unknown) => {
        terminal.complain(`Could not stop cleanly: ${reasonOf(error)}\n`);
        end(exitCodes.failed);
      },
    );
  });
  return promise;
}

/** Says in a sentence why something failed. What servers and stores throw is written for people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : String(error);
}
