/** Forgets what is past its bound, in slices that never hold the event loop. */

import type { Clock, Retention } from "../hub/ports.ts";
import type { OldestMessage, StoreLog } from "./store-log.ts";
import type { RoomState } from "./store-states.ts";

/** How often the rooms written to since, and some of the others, are looked at. */
const sweepMs = 1_000;
/** Other rooms looked at in one sweep: 100,000 rooms take a quarter of an hour. */
const sweptRoomsMax = 128;
/** Between two slices, and after one that could not be written. */
const sliceDelayMs = 1;
const retryDelayMs = 10;
/**
 * One slice takes a little from each of many rooms: messages that came at the same time lie on the
 * same pages, so rooms that fill alike are trimmed at the price of one.
 */
const sliceRowsMax = 512;
const sliceBytesMax = 1_048_576;
const sliceRoomsMax = 64;
/** Rooms remembered as written to between two sweeps; the others wait for their turn. */
const touchedRoomsMax = 16_384;

/** What the retention of a store works with. */
export interface StoreRetentionOptions {
  readonly log: StoreLog;
  readonly retention: Retention;
  readonly clock: Clock;
  /** False while writes must wait; the slice then comes a little later. */
  readonly mayWrite: () => boolean;
  /** Hears what every slice did, so that the write-ahead log is watched. */
  readonly onSlice: () => void;
  /** Hears that a slice failed. It is tried again with the next sweep. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Keeps each room of a store within its bounds. A busy room is trimmed as soon as it is a little
 * over, every room written to within about a second, an idle one within minutes. The newest
 * message of a room is never forgotten for its bytes alone. Whoever creates it closes it.
 */
export class StoreRetention {
  readonly #options: StoreRetentionOptions;
  readonly #slackMessages: number;
  readonly #slackBytes: number;
  readonly #touched = new Set<string>();
  readonly #due = new Set<string>();
  #sweptId = 0;
  #cancelSweep: () => void;
  #cancelSlice: (() => void) | undefined;

  constructor(options: StoreRetentionOptions) {
    this.#options = options;
    const { messagesMax, bytesMax } = options.retention;
    // A busy room is trimmed by about this much at a time, not by one message for each that comes.
    this.#slackMessages = Math.min(256, messagesMax >> 4);
    this.#slackBytes = Math.min(sliceBytesMax, Math.floor(bytesMax / 16));
    this.#cancelSweep = options.clock.after(sweepMs, () => this.#sweep());
  }

  /** Notes that a room got messages. */
  wrote(room: string): void {
    if (this.#touched.size < touchedRoomsMax) this.#touched.add(room);
    const state = this.#options.log.state(room);
    if (state !== undefined && this.#isOver(state, this.#slackMessages, this.#slackBytes)) {
      this.#due.add(room);
      this.#schedule(sliceDelayMs);
    }
  }

  /** Forgets a slice of a room's messages up to an offset. Returns whether more are left. */
  forget(room: string, upTo: number): boolean {
    const { log, mayWrite, onSlice } = this.#options;
    if (!mayWrite()) return true;
    const isDue = (_: RoomState, { offset }: Readonly<OldestMessage>) => offset <= upTo;
    const unfinished = log.trim([room], sliceRowsMax, sliceBytesMax, isDue);
    onSlice();
    return unfinished.length > 0;
  }

  /** Stops. What is past its bound then stays until the store is opened again. */
  close(): void {
    this.#cancelSweep();
    this.#cancelSlice?.();
  }

  #sweep(): void {
    this.#cancelSweep = this.#options.clock.after(sweepMs, () => this.#sweep());
    try {
      const idle = this.#options.log.roomsAbove(this.#sweptId, sweptRoomsMax);
      this.#sweptId = idle.length < sweptRoomsMax ? 0 : (idle.at(-1)?.id ?? 0);
      for (const { name } of idle) this.#touched.add(name);
      for (const room of this.#touched) if (this.#mustTrim(room)) this.#due.add(room);
      this.#touched.clear();
    } catch (error) {
      this.#options.onFailure(error);
    }
    if (this.#due.size > 0) this.#schedule(sliceDelayMs);
  }

  #mustTrim(room: string): boolean {
    const { log, retention, clock } = this.#options;
    const state = log.state(room);
    if (state === undefined || state.trimmed === state.last) return false;
    if (this.#isOver(state, 0, 0)) return true;
    if (retention.ageMsMax === 0) return false;
    return clock.now() - (log.oldestAt(state) ?? Number.POSITIVE_INFINITY) > retention.ageMsMax;
  }

  #isOver(state: RoomState, slackMessages: number, slackBytes: number): boolean {
    const { messagesMax, bytesMax } = this.#options.retention;
    const kept = state.last - state.trimmed;
    if (messagesMax > 0 && kept > messagesMax + slackMessages) return true;
    return bytesMax > 0 && kept > 1 && state.total - state.trimmedBytes > bytesMax + slackBytes;
  }

  #schedule(delayMs: number): void {
    this.#cancelSlice ??= this.#options.clock.after(delayMs, () => {
      this.#cancelSlice = undefined;
      this.#slice();
    });
  }

  #slice(): void {
    const { log, mayWrite, onSlice, onFailure } = this.#options;
    if (!mayWrite()) {
      this.#schedule(retryDelayMs);
      return;
    }
    const rooms = [...this.#due].slice(0, sliceRoomsMax);
    const now = this.#options.clock.now();
    try {
      const rowsMax = Math.max(1, Math.floor(sliceRowsMax / rooms.length));
      const unfinished = log.trim(rooms, rowsMax, sliceBytesMax, (state, row) =>
        this.#isExpired(state, row, now),
      );
      for (const room of rooms) this.#due.delete(room);
      // To the end of the line: a room with much to forget does not keep the others waiting.
      for (const room of unfinished) this.#due.add(room);
    } catch (error) {
      onFailure(error);
      return;
    }
    onSlice();
    if (this.#due.size > 0) this.#schedule(sliceDelayMs);
  }

  #isExpired(state: RoomState, row: Readonly<OldestMessage>, now: number): boolean {
    const { messagesMax, ageMsMax, bytesMax } = this.#options.retention;
    if (messagesMax > 0 && row.offset <= state.last - messagesMax) return true;
    if (ageMsMax > 0 && now - row.at > ageMsMax) return true;
    return bytesMax > 0 && row.offset < state.last && state.total - row.totalBefore > bytesMax;
  }
}
