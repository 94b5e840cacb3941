/** One room of the log in memory. */

import { bodyBytes, type Message } from "../hub/message.ts";
import type { Head, Retention } from "../hub/ports.ts";

/** Forgotten places at the front of the list at which it is moved together. */
const gapMax = 1_024;

/**
 * The kept messages of a room, in a list whose front is moved up as they are forgotten, and their
 * ids, which are forgotten with them.
 */
export class MemoryRoom {
  #messages: (Message | undefined)[] = [];
  /** Where the oldest kept message stands in the list. */
  #front = 0;
  #bytes = 0;
  #last = 0;
  readonly #offsets = new Map<string, number>();

  /** The newest offset ever given, 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** Tells where the kept message with this id is, or undefined where there is none. */
  offsetOf(id: string): number | undefined {
    return this.#offsets.get(id);
  }

  /** Adds a message whose offset is `last + 1`. `bytes` is the size of its body. */
  add(message: Message, bytes: number): void {
    this.#messages.push(message);
    this.#offsets.set(message.id, message.offset);
    this.#bytes += bytes;
    this.#last = message.offset;
  }

  /** Forgets the oldest messages past a bound; never the newest for its bytes alone. */
  trim({ messagesMax, ageMsMax, bytesMax }: Retention, now: number): void {
    for (;;) {
      const oldest = this.#messages[this.#front];
      if (oldest === undefined) return;
      const count = this.#messages.length - this.#front;
      const isOver =
        (messagesMax > 0 && count > messagesMax) ||
        (ageMsMax > 0 && now - oldest.at > ageMsMax) ||
        (bytesMax > 0 && count > 1 && this.#bytes > bytesMax);
      if (!isOver) return;
      this.#forget(oldest);
    }
  }

  /** Forgets all there is. */
  clear(): void {
    this.#messages = [];
    this.#front = 0;
    this.#bytes = 0;
    this.#offsets.clear();
  }

  /** Tells what is kept. */
  head(epoch: string): Head {
    const lastAt = this.#messages.at(-1)?.at ?? 0;
    return { epoch, first: this.#first(), last: this.#last, lastAt };
  }

  /** Reads forwards from above an offset, within both bounds. */
  read(after: number, messagesMax: number, bytesMax: number): Message[] {
    const from = Math.max(this.#front, this.#front + after + 1 - this.#first());
    return this.#collect(from, 1, messagesMax, bytesMax);
  }

  /** Reads backwards from below an offset, within both bounds, and returns the oldest first. */
  readBefore(before: number, messagesMax: number, bytesMax: number): Message[] {
    const newest = this.#messages.length - 1;
    const from = Math.min(newest, this.#front + before - 1 - this.#first());
    return this.#collect(from, -1, messagesMax, bytesMax).reverse();
  }

  #first(): number {
    return this.#last - (this.#messages.length - this.#front) + 1;
  }

  #collect(from: number, step: 1 | -1, messagesMax: number, bytesMax: number): Message[] {
    const messages: Message[] = [];
    let bytes = 0;
    for (let index = from; messages.length < messagesMax; index += step) {
      const message = index < this.#front ? undefined : this.#messages[index];
      if (message === undefined) break;
      bytes += bodyBytes(message.body);
      if (messages.length > 0 && bytes > bytesMax) break;
      messages.push(message);
    }
    return messages;
  }

  #forget(oldest: Message): void {
    this.#messages[this.#front] = undefined;
    this.#front += 1;
    this.#bytes -= bodyBytes(oldest.body);
    this.#offsets.delete(oldest.id);
    // Both bounds together keep the list short and the moving rare.
    if (this.#front >= gapMax || this.#front === this.#messages.length) {
      this.#messages.splice(0, this.#front);
      this.#front = 0;
    }
  }
}
