/** A clock that stands still until a test moves it. */

import type { Clock } from "../../src/hub/ports.ts";

interface Alarm {
  readonly at: number;
  readonly act: () => void;
}

/** Time under a test's control, in milliseconds since 1970. */
export class FakeClock implements Clock {
  readonly #alarms = new Set<Alarm>();
  #now: number;

  constructor(now = 1_763_690_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, act: () => void): () => void {
    const alarm = { at: this.#now + delayMs, act };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Alarms that are still to ring. */
  get alarmCount(): number {
    return this.#alarms.size;
  }

  /** Moves time on, ringing every alarm on the way at its own moment. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#alarms].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#alarms.delete(due);
      this.#now = due.at;
      due.act();
    }
    this.#now = end;
  }
}
