/** The time in which a store cannot be written to, and how it ends. */

import type { Clock } from "../hub/ports.ts";
import type { StoreFault } from "./store-fault.ts";

/** Between two tries to heal: short at first, for locks and passing faults, then twice as long each. */
const firstProbeMs = 250;
const probeMsMax = 5_000;
/** A store that breaks again this soon goes on with the longer delays, and so with few log lines. */
const relapseMs = 10_000;
/** What publishers are told to wait at least. */
const retryMsMin = 1_000;

/** What an outage works with. */
export interface StoreOutageOptions {
  readonly clock: Clock;
  /** Tries whether the store can be written to again. @throws StoreFault while it cannot */
  readonly heal: () => Promise<void>;
  /** Hears once that the store can no longer be written to, and again if only a restart helps. */
  readonly onBreak: (fault: StoreFault) => void;
  /** Hears once that it can again, and for how many milliseconds it could not. */
  readonly onHeal: (outageMs: number) => void;
}

/**
 * Between the first fault and the first try that succeeds, nothing else touches the store: a disk
 * that is full gets one small write every few seconds, not one for each publisher, and a store that
 * another program has locked does not hold the event loop. Whoever creates it closes it.
 */
export class StoreOutage {
  readonly #options: StoreOutageOptions;
  #fault: StoreFault | undefined;
  #beganAt = 0;
  #healedAt = Number.NEGATIVE_INFINITY;
  #delayMs = firstProbeMs;
  #cancelProbe: (() => void) | undefined;
  #probing: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: StoreOutageOptions) {
    this.#options = options;
  }

  /** Why the store cannot be written to, in a sentence; null while it can. */
  get reason(): string | null {
    return this.#fault?.message ?? null;
  }

  /** Milliseconds after which it makes sense to try again. */
  get retryAfterMs(): number {
    return Math.max(retryMsMin, this.#fault === undefined ? 0 : this.#delayMs);
  }

  /** Begins an outage, or takes note of what is wrong now. */
  begin(fault: StoreFault): void {
    const isNew = this.#fault === undefined;
    this.#fault = fault;
    if (!isNew || this.#isClosed) return;
    const now = this.#options.clock.now();
    this.#beganAt = now;
    const isRelapse = Math.abs(now - this.#healedAt) < relapseMs;
    if (!isRelapse) this.#delayMs = firstProbeMs;
    this.#options.onBreak(fault);
    this.#schedule();
  }

  /** Stops trying, and resolves when no try is under way. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelProbe?.();
    await this.#probing;
  }

  #schedule(): void {
    if (this.#isClosed || this.#fault?.kind === "final") return;
    this.#cancelProbe = this.#options.clock.after(this.#delayMs, () => {
      this.#probing = this.#probe();
    });
  }

  async #probe(): Promise<void> {
    try {
      await this.#options.heal();
    } catch (thrown) {
      // `heal` throws nothing but faults; the one that lasts is what to tell from now on.
      this.#fault = thrown as StoreFault;
      if (this.#fault.kind === "final") this.#options.onBreak(this.#fault);
      this.#delayMs = Math.min(probeMsMax, this.#delayMs * 2);
      this.#schedule();
      return;
    }
    const now = this.#options.clock.now();
    this.#fault = undefined;
    this.#healedAt = now;
    // A relapse waits longer from its start.
    this.#delayMs = Math.min(probeMsMax, this.#delayMs * 2);
    this.#options.onHeal(Math.max(0, now - this.#beganAt));
  }
}
