/** Notices a line that went dead without a word, also while the machine slept. */

/** `beat` tells that something came, `check` asks at once, `stop` ends it. */
export interface Heartbeat {
  beat(): void;
  check(): void;
  stop(): void;
}

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
  /** What runs out when no answer comes; undefined when none is awaited. */
  let answer: ReturnType<typeof setTimeout> | undefined;
  const beat = () => {
    heardAt = Date.now();
    clearTimeout(answer);
    answer = undefined;
  };
  /** The answer has a quarter of the interval. */
  const check = () => {
    if (!answer && ask()) answer = setTimeout(lose, intervalMs / 4);
  };
  const look = () => {
    const quietMs = Date.now() - heardAt;
    if (quietMs < 0) beat(); // the clock was set back
    if (quietMs < intervalMs) return;
    check();
    // What cannot be asked speaks by itself once in each interval.
    if (!answer && quietMs >= intervalMs * 1.6) lose();
  };
  beat();
  const timer = setInterval(look, intervalMs / 5);
  const stop = () => {
    clearInterval(timer);
    clearTimeout(answer);
  };
  return { beat, check, stop };
}
