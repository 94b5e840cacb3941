/** What the process tells whoever started it. */

export const exitCodes = {
  ok: 0,
  /** It could not start, or it failed while it ran. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
} as const;
