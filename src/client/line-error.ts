/** What a client's calls fail with. */

import type { ErrorCode } from "../protocol/errors.ts";

/**
 * `code` is the server's, or `closed` when the line was closed or the room left. `retryAfterMs` is
 * how many milliseconds later another try makes sense; undefined where nobody knows.
 */
export class LineError extends Error {
  override readonly name = "LineError";
  declare readonly code: ErrorCode | "closed";
  declare readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode | "closed", message: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether it may go by itself: rate_limited, unavailable, draining, not_joined. */
  get passes(): boolean {
    return /^(rate|unav|drain|not_j)/.test(this.code);
  }
}
