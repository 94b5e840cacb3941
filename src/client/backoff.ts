/** How long to wait before trying again. */

const firstMs = 250;
const ceilingMs = 30_000;

/**
 * Milliseconds to wait before attempt `attempt` (counted from 0): exponential with full jitter
 * (Brooker, "Exponential Backoff And Jitter", 2015), so that many clients cut off at one moment
 * come back spread out.
 */
export function backoffMs(attempt: number): number {
  return Math.round(Math.random() * longestMs(attempt));
}

/** Milliseconds that this may be at most. */
export function longestMs(attempt: number): number {
  return Math.min(ceilingMs, firstMs * 2 ** attempt);
}
