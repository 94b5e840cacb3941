/** How long to wait before trying again. */

const firstMs = 250;
const longestMs = 30_000;

/**
 * Milliseconds to wait before attempt `attempt` (counted from 0): exponential with full jitter
 * (Brooker, "Exponential Backoff And Jitter", 2015), so that many clients cut off at one moment
 * come back spread out. `random` gives numbers from 0 up to 1.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(longestMs, firstMs * 2 ** attempt));
}
