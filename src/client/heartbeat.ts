/** Notices a line that went dead without a word, also while the machine slept. */

/** `beat` tells that something came, `check` asks at once, `stop` ends it. */
export interface Heartbeat {
  beat(): void;
  check(): void;
  stop(): void;
}

/** Looks after it asked, before it gives up. */
const looksMax = 3;

/**
 * Looks at the clock five times in each interval: timers stand still while a machine sleeps, and the
 * clock does not. `ask` asks for a sign of life and tells whether it could; `lose` hears that none came.
 */
export function startHeartbeat(
  intervalMs: number,
  ask: () => boolean,
  lose: () => void,
): Heartbeat {
  let heardAt = 0;
  /** Looks since it asked, with the asking; 0 when no answer is awaited. */
  let looks = 0;
  const beat = () => {
    heardAt = Date.now();
    looks = 0;
  };
  const check = () => {
    if (ask()) looks ||= 1;
  };
  const look = () => {
    const quietMs = Math.abs(Date.now() - heardAt); // the clock may be set back
    if (quietMs >= intervalMs) check();
    if (looks) looks += 1;
    // What cannot be asked speaks by itself once in each interval.
    if (looks ? looks > looksMax : quietMs >= intervalMs * 1.6) lose();
  };
  beat();
  const timer = setInterval(look, intervalMs / 5);
  return { beat, check, stop: () => clearInterval(timer) };
}
