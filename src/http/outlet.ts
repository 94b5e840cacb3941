/** What goes out of one WebSocket connection, in order and in few system calls. */

import type { ServerWebSocket } from "bun";
import { Turns } from "../hub/turns.ts";
import { errorTable } from "../protocol/errors.ts";
import { encodeFrame } from "../protocol/frame.ts";
import type { ReaderCounts } from "../telemetry/measures.ts";
import type { Traffic } from "../telemetry/traffic.ts";
import { Departure } from "./departure.ts";
import type { Leaver } from "./drain.ts";

/**
 * Everything here does nothing once the socket is gone. What it counts are fields of its own: ten
 * thousand connections that are idle should be ten thousand objects fewer. In `messagesOut` and
 * `bytesOut` is missing what rooms sent to all at once.
 */
export class Outlet<Data = unknown> implements Leaver, Traffic {
  /** Null before it is open and after it is closed. */
  protected socket: ServerWebSocket<Data> | null = null;
  rooms = 0;
  messagesIn = 0;
  messagesOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** True once a frame did not fit its queue: Bun then cuts it at the end of the turn. */
  protected hasOverflowed = false;
  readonly #sentBytes: ReaderCounts;
  #replies: string[] | null = null;
  /** Made when first needed: most connections never catch up. */
  #turns: Turns | null = null;
  #drained: (() => void) | null = null;
  /** Publishes that wait for their answer. */
  #unanswered = 0;
  /** Null until the server drains. */
  #departure: Departure | null = null;

  /** `sentBytes` is where it adds what it sends, with all others. */
  constructor(sentBytes: ReaderCounts) {
    this.#sentBytes = sentBytes;
  }

  /** Sends a frame. */
  send(frame: string | Uint8Array): void {
    const { socket } = this;
    if (socket === null) return;
    const sent = socket.send(frame);
    if (sent === 0) this.hasOverflowed = true;
    const bytes = sent > 0 ? sent : frame.length; // Bun tells no number once bytes wait
    this.bytesOut += bytes;
    this.#sentBytes.websocket += bytes;
  }

  /** Bytes that wait for the client to read them. */
  get queueBytes(): number {
    return this.socket?.getBufferedAmount() ?? 0;
  }

  /** Has the frames that `act` sends leave in one system call. */
  cork(act: () => void): void {
    this.socket?.cork(act);
  }

  /** Ends it at once: a socket that was closed keeps what waits for some 16 s (Bun 1.4.5). */
  cut(): void {
    this.hasOverflowed = true;
    this.socket?.terminate();
  }

  /** A turn to send a page, when at most `bytes` wait to be read, or the connection is gone. */
  turn(bytes: number): Promise<() => void> {
    this.#turns ??= new Turns();
    return this.#turns.take(() => {
      if (this.socket === null || this.socket.getBufferedAmount() <= bytes) return undefined;
      return new Promise((resolve) => {
        this.#drained = resolve; // one at a time: that is what turns are for
      });
    });
  }

  /** Hears from Bun that what waited was read, or that it never will be. */
  drain(): void {
    this.#drained?.();
    this.#drained = null;
  }

  get isLeaving(): boolean {
    return this.#departure !== null;
  }

  /** Milliseconds after which its client was told to come back; 0 before it was told anything. */
  get returnsAfterMs(): number {
    return this.#departure?.reconnectAfterMs ?? 0;
  }

  leaveForDrain(reconnectAfterMs: number): void {
    this.send(encodeFrame({ type: "draining", reconnectAfterMs }));
    const close = () => void this.socket?.close(errorTable.draining.close, "draining");
    this.#departure = new Departure(reconnectAfterMs, close);
    this.socket?.ping();
  }

  /** Hears that the client got all that was sent to it before a ping. */
  pong(): void {
    this.hurry();
  }

  hurry(): void {
    this.#departure?.hear(this.#unanswered);
  }

  /** Counts a publish that is to be answered. @throws draining when it comes too late for that */
  protected beginAnswer(): void {
    this.#departure?.assertOpen();
    this.#unanswered += 1;
  }

  /** Counts it as answered. The connection may close once that is on its way. */
  protected endAnswer(): void {
    this.#unanswered -= 1;
    this.#departure?.answered(this.#unanswered);
  }

  /** Gathers what one turn of the event loop has to say, so that it leaves in one system call. */
  protected reply(frame: string): void {
    if (this.#replies !== null) {
      this.#replies.push(frame);
      return;
    }
    this.#replies = [frame];
    queueMicrotask(() => {
      const replies = this.#replies ?? [];
      this.#replies = null;
      this.cork(() => {
        for (const reply of replies) this.send(reply);
      });
    });
  }
}
