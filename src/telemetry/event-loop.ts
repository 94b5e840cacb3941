/** By how much timers come late, because something else holds the event loop. */

import type { Histogram } from "./histogram.ts";

/** Milliseconds between two looks. */
const everyMs = 50;

/** Measures until the returned function is called. It does not keep the process alive. */
export function watchEventLoop(delaySeconds: Histogram): () => void {
  let due = performance.now() + everyMs;
  const timer = setInterval(() => {
    const now = performance.now();
    delaySeconds.observe(Math.max(0, now - due) / 1_000);
    due = now + everyMs;
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
