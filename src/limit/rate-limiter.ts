/** A pace for each of many callers, in a map that cannot grow without end. */

import { PartylineError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { type Bucket, type Rate, takeToken } from "./token-bucket.ts";

export interface RateLimiterOptions {
  readonly rate: Rate;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Completes the sentence "Too many …". */
  readonly what: string;
  /** The key of the configuration that sets the pace. */
  readonly limit: string;
  /** Callers that are remembered. */
  readonly keysMax?: number;
}

/**
 * Remembers the callers seen last. When there are too many, the one not seen for longest is
 * forgotten, and starts with a full bucket if it comes back: whoever commands more addresses than
 * are remembered gains that, and nobody else loses by it.
 */
export class RateLimiter {
  readonly #options: RateLimiterOptions;
  readonly #keysMax: number;
  /** In the order in which they were last seen. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimiterOptions) {
    this.#options = options;
    this.#keysMax = options.keysMax ?? limits.rememberedAddressesMax;
  }

  /** Callers that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Counts one act of a caller.
   * @throws rate_limited with the delay when it has no token left
   */
  take(key: string): void {
    const { rate, now, what, limit } = this.#options;
    if (rate.intervalMs === 0) return;
    const bucket = this.#buckets.get(key) ?? { paidUntil: 0 };
    this.#remember(key, bucket);
    const waitMs = takeToken(bucket, rate, now());
    if (waitMs > 0) throw rateLimited(`Too many ${what}.`, waitMs, limit);
  }

  #remember(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size <= this.#keysMax) return;
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}

/** Says how long to wait, in whole milliseconds that are enough. */
export function rateLimited(what: string, waitMs: number, limit: string): PartylineError {
  const retryAfterMs = Math.ceil(waitMs);
  return new PartylineError(
    "rate_limited",
    `${what} Try again in ${retryAfterMs} ms.`,
    retryAfterMs,
    limit,
  );
}
