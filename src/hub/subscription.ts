/** One SSE stream's queue: bounded in bytes, filled by rooms, emptied by one async generator. */

import { encodeEvent, formatEvent } from "../protocol/event-stream.ts";
import type { GapFrame } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import { formatPosition, formatPositions, type Position } from "../protocol/position.ts";
import { Arrears } from "./arrears.ts";
import type { Reader } from "./catch-up.ts";
import type { Entry } from "./entry.ts";
import type { Observer, Room, RoomEvent } from "./room.ts";
import { Turns } from "./turns.ts";

const encoder = new TextEncoder();
const nothing = new Uint8Array();
const waitBytesMax = limits.latestWaitBytesMax;

/** Encodes messages of one room as events whose id is the message's position. */
export function encodeStream(entries: readonly Entry[]): Uint8Array {
  let text = "";
  for (const { message, text: json } of entries) {
    text += `id: ${message.epoch}:${message.offset}\ndata: ${json}\n\n`;
  }
  return encoder.encode(text);
}

/** What Bun hands to an async generator that is a response's body, as the value of each `yield`. */
interface Sink {
  /** Takes the bytes in any case. Returns a number above 0 while the client keeps up. */
  write(bytes: Uint8Array): unknown;
}

/**
 * Reads one room or several. A stream of several rooms has ids that name a position in each, so it
 * encodes for itself; a stream of one room shares its buffers with all others.
 * It ends when `close` is called, when the generator is, or when its queue is full.
 */
export class Subscription implements Reader, Observer {
  readonly #positions: Map<string, Position> | null;
  readonly #queueBytesMax: number;
  readonly #sentBytes: { sse: number };
  readonly #maySeeMembers: (room: string) => boolean;
  readonly #rooms = new Set<Room>();
  #queue: Uint8Array[] = [];
  #queueBytes = 0;
  /** Where bytes go at once when nothing waits before them; null while the client is behind. */
  #sink: Sink | null = null;
  #isClosed = false;
  /** These two are made when first needed: most streams are never behind. */
  #arrears: Arrears | null = null;
  #wake: (() => void) | null = null;
  #turns: Turns | null = null;
  #drained: (() => void) | null = null;

  /** True once it was cut because its client did not read. */
  hasOverflowed = false;
  /** Messages and bytes that were handed over for its client. */
  messageCount = 0;
  byteCount = 0;
  /** Called once, when it ends. */
  onClose: () => void = () => {};
  /** Called once, when {@link bytes} has nothing more to yield, or nobody takes it any more. */
  onEnd: () => void = () => {};

  /**
   * `positions` is null for a stream of one room. For one of several it is where the reader stood in
   * each, as far as that is known: its ids must name all of them from the first on.
   */
  constructor(options: {
    queueBytesMax: number;
    /** Where it adds the bytes handed over, with all other streams. */
    sentBytes?: { sse: number };
    positions: ReadonlyMap<string, Position> | null;
    /** Whether its reader may know who comes and goes in a room; true where it is left out. */
    maySeeMembers?: (room: string) => boolean;
  }) {
    this.#maySeeMembers = options.maySeeMembers ?? (() => true);
    this.#queueBytesMax = options.queueBytesMax;
    this.#sentBytes = options.sentBytes ?? { sse: 0 };
    this.#positions = options.positions === null ? null : new Map(options.positions);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes that wait here for its client. */
  get queueBytes(): number {
    return this.#queueBytes;
  }

  /** True when everything pushed was taken. */
  get isEmpty(): boolean {
    return this.#queueBytes === 0;
  }

  /**
   * Yields what is pushed, in order, until the end. Settles at once when the stream is closed.
   * While the client keeps up, Bun's own sink gets what is pushed: waking this for each of a
   * thousand readers would be a fifth of what a message to all of them costs.
   */
  async *bytes(): AsyncGenerator<Uint8Array, void, Sink | undefined> {
    try {
      for (;;) {
        const queue = this.#queue;
        if (queue.length === 0) {
          if (this.#isClosed) return;
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          continue;
        }
        this.#queue = [];
        while (queue.length > 0) {
          const { length } = queue[0] ?? nothing;
          // It comes back once the client has room again. What is yielded gets no name here: it would
          // be kept for as long as this waits for more.
          this.#sink = (yield queue.shift() ?? nothing) ?? null;
          this.#queueBytes -= length;
          if (this.#queueBytes <= limits.catchUpBytesMax) this.#drained?.();
          if (this.#queueBytes === 0 && !this.#isClosed) this.#arrears?.settle(this);
        }
      }
    } finally {
      this.close();
      this.onEnd();
    }
  }

  /** Queues bytes as they are; past the bound the whole stream ends, so that no hole is left in it. */
  push(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#queueBytes === 0 && this.#sink !== null) {
      this.#count(bytes);
      const written = this.#sink.write(bytes);
      // What comes next goes through the generator, where Bun waits for a client that is behind.
      if (typeof written !== "number" || written <= 0) this.#sink = null;
      return;
    }
    if (this.#queueBytes + bytes.length > this.#queueBytesMax) return this.cut();
    this.#count(bytes);
    this.#queue.push(bytes);
    this.#queueBytes += bytes.length;
    this.#wake?.();
  }

  /** Ends the stream with all that waits: its client does not read. */
  cut(): void {
    this.hasOverflowed = true;
    this.#queue = [];
    this.close();
  }

  /** Ends the stream after what is queued. May be called twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const room of this.#rooms) {
      room.unobserve(this);
      room.catchingUp.delete(this);
      room.countStreams(-1);
      room.counts.leaves.sse += 1;
      room.release();
    }
    this.#rooms.clear();
    this.onClose();
    this.#wake?.();
    this.#drained?.();
  }

  enter(room: Room): void {
    this.#rooms.add(room);
    room.uses += 1;
    room.countStreams(1);
    room.counts.joins.sse += 1;
    room.catchingUp.add(this);
  }

  /** Sets the reader's last event id without an event, so that a cut before the first loses nothing. */
  stand(room: Room, offset: number, gap: GapFrame | undefined): void {
    const id = this.#idAt(room, offset);
    if (gap === undefined) this.push(encoder.encode(`id: ${id}\n\n`));
    else this.tellGap(room, offset, gap);
  }

  tellGap(room: Room, offset: number, gap: GapFrame): void {
    room.counts.gaps.sse += 1;
    const id = this.#idAt(room, offset);
    this.push(encodeEvent({ id, event: "gap", data: JSON.stringify(gap) }));
  }

  send(room: Room, entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.messageCount += entries.length;
    this.push(this.#encode(room, entries));
  }

  turn(): Promise<() => void> {
    this.#turns ??= new Turns();
    return this.#turns.take(() => {
      if (this.#isClosed || this.#queueBytes <= limits.catchUpBytesMax) return undefined;
      return new Promise((resolve) => {
        this.#drained = resolve; // one at a time: that is what turns are for
      });
    });
  }

  goLive(room: Room): void {
    room.catchingUp.delete(this);
    room.observe(this);
  }

  observe(room: Room, entries: readonly Entry[], shared: () => Uint8Array): void {
    if (room.isLatestOnly && entries.length > 1 && shared().length > waitBytesMax) {
      // One by one, or what is of no use any more would wait far beyond the bound.
      for (const each of entries) this.observe(room, [each], () => encodeStream([each]));
    } else if (room.isLatestOnly && (this.#arrears?.has(room) || this.#queueBytes > waitBytesMax)) {
      this.#arrears ??= new Arrears();
      this.#arrears.add(room, entries);
    } else {
      this.messageCount += entries.length;
      this.push(this.#positions === null ? shared() : this.#encode(room, entries));
    }
  }

  hear(room: Room, { name, json }: RoomEvent): void {
    if (name === "presence" && !this.#maySeeMembers(room.name)) return;
    if (name === "signal" && this.#arrears?.has(room)) return;
    this.push(encodeEvent({ event: name, data: json }));
  }

  #encode(room: Room, entries: readonly Entry[]): Uint8Array {
    if (this.#positions === null) return encodeStream(entries);
    let text = "";
    for (const { message, text: data } of entries) {
      text += formatEvent({ id: this.#idAt(room, message.offset), data });
    }
    return encoder.encode(text);
  }

  #idAt({ name, epoch }: Room, offset: number): string {
    if (this.#positions === null) return formatPosition(epoch, offset);
    this.#positions.set(name, { epoch, offset });
    return formatPositions(this.#positions);
  }

  #count({ length }: Uint8Array): void {
    this.byteCount += length;
    this.#sentBytes.sse += length;
  }
}
