/** A fault in the log: one line where it begins, one where it is over. */

export interface FaultLinesOptions {
  /** Milliseconds since 1970; `after` calls once, unless what it returns is called before. */
  readonly clock: { now(): number; after(delayMs: number, act: () => void): () => void };
  /** Milliseconds without the fault after which it is over: one that comes and goes is one fault. */
  readonly settleMs: number;
  readonly onBegin: (sentence: string) => void;
  /** `ms` is how long it lasted. */
  readonly onEnd: (ms: number) => void;
}

/** Writes as many ends as beginnings, but for a fault that is forgotten. */
export class FaultLines {
  readonly #options: FaultLinesOptions;
  /** Null while there is no fault that was told. */
  #beganAt: number | null = null;
  #cancelEnd: () => void = () => {};

  constructor(options: FaultLinesOptions) {
    this.#options = options;
  }

  /** The fault is there; `sentence` says which it is. */
  begin(sentence: string): void {
    this.#cancelEnd();
    if (this.#beganAt !== null) return;
    this.#beganAt = this.#options.clock.now();
    this.#options.onBegin(sentence);
  }

  /** The fault is gone, perhaps for a moment only. */
  end(): void {
    const { clock, settleMs, onEnd } = this.#options;
    const beganAt = this.#beganAt;
    if (beganAt === null) return;
    const ms = Math.max(0, clock.now() - beganAt);
    this.#cancelEnd();
    this.#cancelEnd = clock.after(settleMs, () => {
      this.#beganAt = null;
      onEnd(ms);
    });
  }

  /** Another fault was told that says more, and whose end will be told. */
  forget(): void {
    this.#cancelEnd();
    this.#beganAt = null;
  }
}
