/** One direction of a proxied connection: what came in on one socket and goes out on the other. */

import type { Socket } from "bun";
import type { Chance } from "./chance.ts";
import type { Faults } from "./fault-proxy-faults.ts";

/** Bytes that wait above which the source is not read, and below which it is read again. */
const waitingBytesMax = 262_144;
const waitingBytesLow = 65_536;

interface Chunk {
  bytes: Uint8Array;
  /** When it may leave, by `performance.now()`. */
  readonly dueAt: number;
  /** Whether it waits for others, as `bufferBytes` says. */
  readonly isGathered: boolean;
}

/** Passes bytes on in order: late, in pieces, in batches or not at all, as the faults say. */
export class FaultProxyFlow {
  readonly #source: Socket<unknown>;
  readonly #sink: Socket<unknown>;
  readonly #faults: Readonly<Faults>;
  readonly #chance: Chance;
  readonly #waiting: Chunk[] = [];
  #waitingBytes = 0;
  #timer: Timer | null = null;
  #isHeld = false;
  #isFinished = false;
  #isClosed = false;
  /** True while what was gathered is written. */
  #isFlushing = false;
  /** Whether what comes from now on is gathered, as far as `bufferBytes` says so. */
  gathers = false;

  constructor(
    source: Socket<unknown>,
    sink: Socket<unknown>,
    faults: Readonly<Faults>,
    chance: Chance,
  ) {
    this.#source = source;
    this.#sink = sink;
    this.#faults = faults;
    this.#chance = chance;
  }

  /** Takes bytes, which must not change any more. */
  push(bytes: Uint8Array): void {
    if (this.#isClosed || bytes.length === 0) return;
    const { latencyMs, jitterMs, bufferBytes } = this.#faults;
    const lateMs = latencyMs + this.#chance.next() * jitterMs;
    const previous = this.#waiting.at(-1)?.dueAt ?? 0; // nothing overtakes
    const dueAt = Math.max(previous, performance.now() + lateMs);
    this.#waiting.push({ bytes, dueAt, isGathered: this.gathers });
    this.#waitingBytes += bytes.length;
    const gatheredBytes = Number.isFinite(bufferBytes) ? bufferBytes : 0;
    if (this.#waitingBytes > waitingBytesMax + gatheredBytes) this.#source.pause();
    this.#schedule();
  }

  /** The source will send no more: once all is passed on, the sink is told so. */
  finish(): void {
    this.#isFinished = true;
    this.#schedule();
  }

  /** The sink takes bytes again. */
  drain(): void {
    this.#schedule();
  }

  /** Keeps what comes, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#schedule();
  }

  /** Forgets what waits, and passes nothing on any more. */
  close(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#isClosed || this.#isHeld || this.#timer !== null) return;
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#isFlushing = false;
      if (this.#isFinished) this.#sink.shutdown();
      return;
    }
    if (first.isGathered && !this.#isFlushing) {
      if (this.#waitingBytes < this.#faults.bufferBytes && !this.#isFinished) return;
      this.#isFlushing = true;
    }
    const lateMs = first.dueAt - performance.now();
    if (lateMs <= 0) this.#write();
    else this.#later(lateMs);
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#schedule();
    }, ms);
  }

  #write(): void {
    const { pieceBytesMax } = this.#faults;
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || first.dueAt > performance.now()) break;
      if (first.isGathered && !this.#isFlushing) break;
      const length =
        pieceBytesMax === 0 ? first.bytes.length : 1 + this.#chance.below(pieceBytesMax);
      const piece = first.bytes.subarray(0, length);
      const written = Math.max(0, this.#sink.write(piece));
      this.#waitingBytes -= written;
      if (written === first.bytes.length) this.#waiting.shift();
      else first.bytes = first.bytes.subarray(written);
      if (this.#waitingBytes < waitingBytesLow) this.#source.resume();
      if (written < piece.length) return; // `drain` goes on
      // In a turn of its own each piece is a segment of its own, and a read of its own.
      if (pieceBytesMax > 0) return this.#later(0);
    }
    this.#schedule();
  }
}
