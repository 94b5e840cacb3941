/** Keeps a store's write-ahead log short without holding the event loop. */

import type { Database } from "bun:sqlite";
import type { Clock } from "../hub/ports.ts";
// @ts-expect-error TypeScript knows no text imports of its own files; Bun gives the file's text. It
// becomes part of a compiled binary that way, with nothing to add to the build.
import workerText from "./checkpoint-worker.ts" with { type: "text" };

/** What the checkpoints of a store work with. */
export interface CheckpointOptions {
  readonly database: Database;
  readonly path: string;
  readonly clock: Clock;
  /**
   * Bytes of the write-ahead log at which writes are held for the moment in which the rest of it is
   * moved; it then starts over. Only a foreign reader that stays in one transaction can make it longer.
   */
  readonly walBytesMax: number;
  /** False moves the log in short steps on this thread, as is done where no thread can be started. */
  readonly hasThread: boolean;
  /** Hears that held writes may go on. */
  readonly onRelease: () => void;
  /** Hears that the thread or a checkpoint failed. */
  readonly onFailure: (error: unknown) => void;
}

/** What the thread says: that it did as asked, or what SQLite had against it. */
type Answer = "done" | "closed" | { readonly code: string; readonly message: string };

const pageBytes = 4_096;
/** Bytes not yet moved at which the thread is asked to; a step on this thread takes far less. */
const threadBytes = 4_194_304;
const ownBytes = 524_288;
/** How long writes are held at most, and how long nothing is tried after what did not help. */
const holdMsMax = 1_000;
const pauseMs = 1_000;
const closeMsMax = 2_000;

/**
 * Watches the write-ahead log after each commit. The log starts over only when all of it has been
 * moved and nobody reads from it, which never happens by itself while commits keep coming: so a
 * second bound holds them for a moment. Whoever creates it closes it.
 */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #framesMax: number;
  readonly #sizes;
  #worker: Worker | undefined;
  #isRunning = false;
  #cancelHold: (() => void) | undefined;
  #isSecondTry = false;
  #pauseUntil = 0;
  #onClosed: (() => void) | undefined;

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#framesMax = Math.floor(options.walBytesMax / (pageBytes + 24));
    this.#sizes = options.database.prepare("PRAGMA wal_checkpoint(NOOP)");
    if (options.hasThread) this.#worker = this.#startWorker();
  }

  /** True while writes must wait. `onRelease` is called when that ends. */
  get isHolding(): boolean {
    return this.#cancelHold !== undefined;
  }

  /** To be called after each commit. Takes a microsecond where there is nothing to do. */
  afterCommit(): void {
    const { written, moved } = this.#measure();
    const waitingBytes = (written - moved) * pageBytes;
    const { clock } = this.#options;
    if (this.#isPausing(clock.now())) return;
    if (this.#worker === undefined) {
      if (waitingBytes >= ownBytes) this.#runHere();
      return;
    }
    const mustHold = written >= this.#framesMax;
    if (mustHold) this.#cancelHold ??= clock.after(holdMsMax, () => this.#giveUp());
    if ((mustHold || waitingBytes >= threadBytes) && !this.#isRunning) this.#ask(this.#worker);
  }

  /** Stops the thread. The store's own closing moves what is left. May be called twice. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    if (worker === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onClosed = resolve;
    // By the system's own timer: a clock that stands still must not keep the store from closing.
    const timer = setTimeout(resolve, closeMsMax);
    worker.postMessage("close");
    await promise;
    clearTimeout(timer);
    worker.terminate();
  }

  #measure(): { written: number; moved: number } {
    const [row] = this.#sizes.values();
    return { written: Number(row?.[1] ?? 0), moved: Number(row?.[2] ?? 0) };
  }

  #ask(worker: Worker): void {
    this.#isRunning = true;
    worker.postMessage({ path: this.#options.path });
  }

  #onAnswer(answer: Answer): void {
    if (answer === "closed") {
      this.#onClosed?.();
      return;
    }
    this.#isRunning = false;
    if (answer !== "done") {
      this.#pause();
      const error = new Error(`A checkpoint failed: ${answer.message}`);
      this.#options.onFailure(Object.assign(error, { code: answer.code }));
    }
    if (!this.isHolding || this.#worker === undefined) return;
    const { written, moved } = this.#measure();
    const isLeft = moved < written;
    // A checkpoint that began before the hold leaves a rest: one more, now that nothing is added.
    if (answer === "done" && isLeft && !this.#isSecondTry) {
      this.#isSecondTry = true;
      this.#ask(this.#worker);
      return;
    }
    if (isLeft) this.#pause();
    this.#release();
  }

  #giveUp(): void {
    this.#pause();
    this.#release();
  }

  #pause(): void {
    this.#pauseUntil = this.#options.clock.now() + pauseMs;
  }

  /** A clock that was set back must not make a pause of a day. */
  #isPausing(now: number): boolean {
    return now < this.#pauseUntil && this.#pauseUntil - now <= pauseMs;
  }

  #release(): void {
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    this.#isSecondTry = false;
    this.#options.onRelease();
  }

  /** A checkpoint on this thread: some ten milliseconds at most where flushing is fast. */
  #runHere(): void {
    try {
      this.#options.database.run("PRAGMA wal_checkpoint(PASSIVE)");
    } catch (error) {
      this.#pause();
      this.#options.onFailure(error);
    }
  }

  #startWorker(): Worker | undefined {
    const url = URL.createObjectURL(new Blob([workerText], { type: "application/typescript" }));
    try {
      const worker = new Worker(url, { ref: false });
      worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#onAnswer(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#onFailure(new Error(event.message));
      };
      return worker;
    } catch (error) {
      this.#options.onFailure(error);
      return undefined;
    }
  }

  /** Goes on without a thread. */
  #onFailure(error: Error): void {
    this.#worker = undefined;
    this.#isRunning = false;
    this.#onClosed?.();
    this.#options.onFailure(error);
    if (this.isHolding) this.#release();
  }
}
