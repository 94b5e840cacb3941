/** What the process tells whoever started it. */

import type { EndSignal } from "./terminal.ts";

export const exitCodes = {
  ok: 0,
  /** It could not start, or it failed while it ran. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
} as const;

/** What a command ends with that a signal ended: 128 and the signal's number. */
export const signalCodes: Readonly<Record<EndSignal, number>> = { SIGINT: 130, SIGTERM: 143 };
