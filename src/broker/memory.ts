/** The log in memory: for `durability = "memory"` and for the server's own rooms. */

import { bodyBytes, type Draft, type Message } from "../hub/message.ts";
import type {
  Broker,
  BrokerListener,
  Clock,
  Head,
  LoggedRoom,
  Published,
  Retention,
} from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import { createEpoch } from "./epoch.ts";
import { MemoryRoom } from "./memory-room.ts";

/** What a log in memory is made with. */
export interface MemoryBrokerOptions {
  readonly retention: Retention;
  readonly clock: Clock;
  /** Names the numbering; a new one where left out. */
  readonly epoch?: string;
}

/** How often rooms are looked at for messages that grew too old, and how many at a time. */
const sweepMs = 1_000;
const sweptRoomsMax = 1_024;

/**
 * Keeps messages in memory, for as long as the process lives. A publish announces its message at
 * once, in a batch of its own. Names of rooms, and how far they had counted, are never forgotten.
 */
export class MemoryBroker implements Broker {
  readonly #epoch: string;
  readonly #retention: Retention;
  readonly #clock: Clock;
  readonly #rooms = new Map<string, MemoryRoom>();
  /** The same names in code-unit order. */
  readonly #names: string[] = [];
  #listener: BrokerListener | null = null;
  #sweptName = "";
  #cancelSweep: (() => void) | undefined;
  #isClosed = false;

  constructor({ retention, clock, epoch = createEpoch() }: MemoryBrokerOptions) {
    this.#retention = retention;
    this.#clock = clock;
    this.#epoch = epoch;
    if (retention.ageMsMax > 0) this.#scheduleSweep();
  }

  async start(listener: BrokerListener): Promise<void> {
    this.#listener = listener;
  }

  listen(room: string): Promise<Head> {
    return this.head(room);
  }

  unlisten(): void {}

  publish(draft: Draft): Promise<Published> {
    if (this.#isClosed) return Promise.reject(closed());
    const room = this.#rooms.get(draft.room) ?? this.#create(draft.room);
    const known = room.offsetOf(draft.id);
    if (known !== undefined) {
      return Promise.resolve({ epoch: this.#epoch, offset: known, duplicate: true });
    }
    const { id, from, at, body } = draft;
    const offset = room.last + 1;
    const message = { room: draft.room, epoch: this.#epoch, offset, id, from, at, body };
    room.add(message, bodyBytes(body));
    room.trim(this.#retention, this.#clock.now());
    this.#listener?.announce([message]);
    return Promise.resolve({ epoch: this.#epoch, offset, duplicate: false });
  }

  async head(room: string): Promise<Head> {
    this.#assertOpen();
    return this.#rooms.get(room)?.head(this.#epoch) ?? nothing(this.#epoch);
  }

  async read(
    room: string,
    after: number,
    messagesMax: number,
    bytesMax: number,
  ): Promise<Message[]> {
    this.#assertOpen();
    return this.#rooms.get(room)?.read(after, messagesMax, bytesMax) ?? [];
  }

  async readBefore(
    room: string,
    before: number,
    messagesMax: number,
    bytesMax: number,
  ): Promise<Message[]> {
    this.#assertOpen();
    return this.#rooms.get(room)?.readBefore(before, messagesMax, bytesMax) ?? [];
  }

  async rooms(after: string, roomsMax: number): Promise<LoggedRoom[]> {
    this.#assertOpen();
    const from = this.#indexAbove(after);
    return this.#names.slice(from, from + roomsMax).map((room) => ({
      room,
      ...(this.#rooms.get(room)?.head(this.#epoch) ?? nothing(this.#epoch)),
    }));
  }

  async forget(room: string): Promise<void> {
    this.#assertOpen();
    this.#rooms.get(room)?.clear();
    this.#listener?.forgotten(room);
  }

  health(): null {
    return null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelSweep?.();
    this.#rooms.clear();
    this.#names.length = 0;
  }

  #create(name: string): MemoryRoom {
    const room = new MemoryRoom();
    this.#rooms.set(name, room);
    this.#names.splice(this.#indexAbove(name), 0, name);
    return room;
  }

  /** Where the first name above this one stands, or would stand. */
  #indexAbove(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#names[middle] ?? "") > name) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #scheduleSweep(): void {
    this.#cancelSweep = this.#clock.after(sweepMs, () => {
      this.#sweep();
      this.#scheduleSweep();
    });
  }

  #sweep(): void {
    const now = this.#clock.now();
    const from = this.#indexAbove(this.#sweptName);
    const names = this.#names.slice(from, from + sweptRoomsMax);
    for (const name of names) this.#rooms.get(name)?.trim(this.#retention, now);
    this.#sweptName = names.length < sweptRoomsMax ? "" : (names.at(-1) ?? "");
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closed();
  }
}

function nothing(epoch: string): Head {
  return { epoch, first: 1, last: 0, lastAt: 0 };
}

function closed(): PartylineError {
  return new PartylineError("unavailable", "The message store is closed.", 1_000);
}
