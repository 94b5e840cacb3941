/** What was asked of the server and is not answered yet. It outlives the links it goes over. */

import { backoffMs } from "./backoff.ts";
import type { ConnectOptions } from "./contract.ts";
import { LineError } from "./line-error.ts";
import type { HeardFrame, Link, RoomRequest } from "./link.ts";

/** Messages on their way at once, so that a refusal for their pace hits few of them. */
const onWayMax = 256;

interface Item {
  readonly request: RoomRequest;
  readonly size: number;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: LineError) => void;
  isSent?: boolean;
}

/** Requests in the order in which they were made. Messages go out in that order, to joined rooms. */
export class Pending {
  readonly #options: ConnectOptions;
  readonly #isJoined: (room: string) => boolean | undefined;
  readonly #items = new Map<number, Item>();
  #refs = 0;
  #bytes = 0;
  #link: Link | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** How often it failed for a while since the last answer. */
  #failures = 0;

  /** Messages that are not acknowledged. */
  messages = 0;

  constructor(options: ConnectOptions, isJoined: (room: string) => boolean | undefined) {
    this.#options = options;
    this.#isJoined = isJoined;
  }

  /** Asks, as soon as it can. @throws LineError as the server refuses it; `too_many` */
  ask<Answer>(request: RoomRequest): Promise<Answer> {
    const { pendingMax = 1_000, pendingBytesMax = 8_388_608 } = this.#options;
    const size = request.type === "message" ? request.body.length : 0;
    const { size: count } = this.#items;
    return new Promise((resolve, reject) => {
      // An iteration asks for one page at a time, and must not end for that.
      const isBound = request.type !== "read";
      if (isBound && (count >= pendingMax || this.#bytes + size > pendingBytesMax)) {
        throw new LineError("too_many", "There is too much.");
      }
      if (request.type === "message") this.messages += 1;
      this.#bytes += size;
      this.#refs += 1;
      this.#items.set(this.#refs, { request, size, resolve, reject });
      this.flush();
    });
  }

  /** Goes on over a link, or none: then what was sent waits again. */
  attach(link: Link | undefined): void {
    this.#link = link;
    for (const item of this.#items.values()) item.isSent = false;
    this.#resume();
  }

  /** Sends what can be sent. */
  flush(): void {
    const link = this.#link;
    if (!link || this.#pause) return;
    let room = onWayMax;
    for (const [ref, item] of this.#items) {
      const { request, isSent } = item;
      if (request.type === "message") {
        if (!isSent && !this.#isJoined(request.room)) continue;
        // What goes by POST goes alone, or it would overtake others.
        const isText = typeof request.body === "string";
        const cost = isText && link.transport === "websocket" ? 1 : onWayMax;
        if (!isSent && room < cost) break;
        room -= cost;
      }
      if (isSent) continue;
      item.isSent = true;
      link.send({ ...request, ref });
    }
  }

  /** Takes an answer to something asked here. Returns why all of it pauses, if it does from now on. */
  hear(frame: HeardFrame): LineError | undefined {
    const ref = frame.ref as number;
    const item = this.#items.get(ref);
    if (!item) return undefined;
    if (frame.type !== "error") {
      this.#failures = 0;
      this.#settle(ref, item).resolve(frame as never);
      return undefined;
    }
    const { error } = frame;
    if (!error.passes) {
      this.#settle(ref, item).reject(error);
      return undefined;
    }
    item.isSent = false;
    if (this.#pause) return undefined;
    this.#failures += 1;
    const waitMs = error.retryAfterMs || backoffMs(this.#failures);
    this.#pause = setTimeout(() => this.#resume(), waitMs);
    return error;
  }

  /** Gives up what is meant for a room, or everything. */
  drop(error: LineError, room?: string): void {
    for (const [ref, item] of this.#items) {
      if (!room || item.request.room === room) this.#settle(ref, item).reject(error);
    }
  }

  /** Makes room for others. */
  #settle(ref: number, item: Item): Item {
    this.#items.delete(ref);
    this.#bytes -= item.size;
    if (item.request.type === "message") this.messages -= 1;
    this.flush();
    return item;
  }

  #resume(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.flush();
  }
}
