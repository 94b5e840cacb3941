/** How often something may happen: a token bucket in one number, without a timer. */

/** A pace. `toRate` makes it. */
export interface Rate {
  /** Milliseconds that one token takes to come back; 0 when nothing is bounded. */
  readonly intervalMs: number;
  /** Milliseconds that a full bucket takes to come back. */
  readonly burstMs: number;
}

/** What a bucket remembers: until when its tokens are spent, in milliseconds of a steady clock. */
export interface Bucket {
  paidUntil: number;
}

/**
 * Describes a pace of `perSecond` tokens, of which `burst` may be taken at once.
 * A `perSecond` of 0 means no bound; a `burst` below 1 counts as 1.
 */
export function toRate(perSecond: number, burst: number): Rate {
  if (perSecond <= 0) return { intervalMs: 0, burstMs: 0 };
  const intervalMs = 1_000 / perSecond;
  return { intervalMs, burstMs: intervalMs * Math.max(1, burst) };
}

/** The part of a pace that each of several has: together they keep to it, the burst included. */
export function shareRate({ intervalMs, burstMs }: Rate, parts: number): Rate {
  const interval = intervalMs * parts;
  return { intervalMs: interval, burstMs: Math.max(burstMs, interval) };
}

/**
 * Takes a token. Returns 0 when there was one, else the milliseconds until there is one; nothing is
 * taken then. This is the generic cell rate algorithm (ITU-T I.371) in its virtual scheduling form:
 * the same answers as a bucket that refills steadily, with one number to keep and none to refill.
 */
export function takeToken(bucket: Bucket, { intervalMs, burstMs }: Rate, now: number): number {
  const paidUntil = Math.max(bucket.paidUntil, now) + intervalMs;
  const waitMs = paidUntil - now - burstMs;
  // Sums of fractions of a millisecond are not exact; a thousandth more is not a refusal.
  if (waitMs > 0.001 && intervalMs > 0) return waitMs;
  bucket.paidUntil = paidUntil;
  return 0;
}
