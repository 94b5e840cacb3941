/** What goes out of one WebSocket connection, in order and in few system calls. */

import type { ServerWebSocket } from "bun";
import { Turns } from "../hub/turns.ts";

/** Everything here does nothing once the socket is gone. */
export class Outlet<Data = unknown> {
  /** Null before it is open and after it is closed. */
  protected socket: ServerWebSocket<Data> | null = null;
  #replies: string[] | null = null;
  /** Made when first needed: most connections never catch up. */
  #turns: Turns | null = null;
  #drained: (() => void) | null = null;

  /** Sends a frame. */
  send(frame: string | Uint8Array): void {
    this.socket?.send(frame);
  }

  /** Has the frames that `act` sends leave in one system call. */
  cork(act: () => void): void {
    this.socket?.cork(act);
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
