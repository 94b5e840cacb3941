/** A room with somebody in it: its numbering, its readers, and its newest messages, encoded. */

import { encodeFrame, type GapFrame } from "../protocol/frame.ts";
import { formatPosition, type Position } from "../protocol/position.ts";
import type { HubCounts } from "./counts.ts";
import { type Entry, toEntry } from "./entry.ts";
import type { Message } from "./message.ts";
import { Pace } from "./pace.ts";
import type { Clock, Fanout, Peers } from "./ports.ts";
import { Presence, type PresenceChange, type PresenceListener } from "./presence.ts";
import { toOutside } from "./present.ts";
import { Tail } from "./tail.ts";

/** A named happening that is neither stored nor numbered. `json` is the frame's text. */
export interface RoomEvent {
  readonly name: "presence" | "signal";
  readonly json: string;
  /** The binary frame of a signal with bytes; null otherwise. */
  readonly binary: Uint8Array | null;
}

/** Somebody who reads a room's live messages from a queue of its own. Must not throw. */
export interface Observer {
  /** Takes what one turn of the event loop brought. `shared` is the same buffer for all observers. */
  observe(room: Room, entries: readonly Entry[], shared: () => Uint8Array): void;
  hear(room: Room, event: RoomEvent): void;
  /** It has missed what the gap says, and stands after `offset` now. */
  tellGap(room: Room, offset: number, gap: GapFrame): void;
}

/** How a room reaches the world. */
export interface RoomSurroundings {
  readonly clock: Clock;
  readonly fanout: Fanout;
  readonly counts: HubCounts;
  /** Encodes messages for SSE. */
  readonly encodeStream: (entries: readonly Entry[]) => Uint8Array;
  readonly isLatestOnly: (room: string) => boolean;
  /** The other nodes; null where there are none, or where the room is not shared with them. */
  readonly peers: Pick<Peers, "isBlind" | "share" | "unshare" | "observers"> | null;
  /** Called when nobody is left. */
  readonly onDeserted: (room: Room) => void;
}

/** Only the hub changes a room. */
export class Room implements PresenceListener {
  readonly name: string;
  /** Topics of Bun's publish: JSON for all messages, and the one with binary frames. */
  readonly topic: string;
  readonly binaryTopic: string;
  /** True when a reader that is behind skips to the newest message. */
  readonly isLatestOnly: boolean;
  readonly presence: Presence;
  /** Readers that stand behind the tail: they hear events, and no messages, from here. */
  readonly catchingUp = new Set<Pick<Observer, "hear">>();
  epoch = "";
  last = 0;
  /** WebSocket connections that read live, by the topic they subscribed to. */
  readers = 0;
  binaryReaders = 0;
  /** Joins and streams that use this room; at 0 it is let go. */
  uses = 0;
  /** When its newest message came, in milliseconds since 1970; 0 before any. */
  lastAt = 0;
  /** How often messages come. */
  readonly pace = new Pace();
  /** What went to its topics so far: whoever subscribes can tell what it got from there. */
  readonly sent = { messages: 0, textBytes: 0, binaryBytes: 0 };

  readonly #observers = new Set<Observer>();
  readonly #surroundings: RoomSurroundings;
  /** Null in a room where nothing was published yet. */
  #tail: Tail | null = null;
  #unobserved: Entry[] = [];
  /** WebSocket connections among the observers. */
  #observingMembers = 0;
  /** SSE streams that read it from here. */
  #streams = 0;

  constructor(name: string, surroundings: RoomSurroundings) {
    this.name = name;
    this.topic = `j${name}`;
    this.binaryTopic = `b${name}`;
    this.isLatestOnly = surroundings.isLatestOnly(name);
    this.#surroundings = surroundings;
    const { clock, peers } = surroundings;
    this.presence = new Presence(clock, this, toOutside(peers, name));
  }

  /** SSE streams that read this room, on all nodes. */
  get observerCount(): number {
    return this.#streams + this.presence.observersElsewhere;
  }

  /** Counts SSE streams that begin to read it from here, or cease to. */
  countStreams(change: number): void {
    this.#streams += change;
    this.#surroundings.peers?.observers(this.name, this.#streams);
  }

  /** The offset after which `entriesAfter` has every message. */
  get tailStart(): number {
    return (this.#tail?.first ?? this.last + 1) - 1;
  }

  /** The messages past `offset`, which must not be below `tailStart`. */
  entriesAfter(offset: number): readonly Entry[] {
    return this.#tail?.after(offset) ?? [];
  }

  /** Takes over what the log says, unless what came meanwhile said how far it is. */
  number(epoch: string, last: number, lastAt = 0): void {
    if (this.epoch !== "") return;
    this.epoch = epoch;
    this.last = last;
    this.lastAt = lastAt;
  }

  /** Hands a message to everybody who reads live. Returns how many that are. */
  deliver(message: Message): number {
    // The log told of it before announcing it, so that whoever reads live has read it there.
    if (message.epoch === this.epoch && message.offset <= this.last) return 0;
    this.epoch = message.epoch;
    this.last = message.offset;
    this.lastAt = message.at;
    this.pace.add(message.at);
    const entry = toEntry(message);
    this.#tail ??= new Tail();
    this.#tail.push(entry);
    this.sent.messages += 1;
    const { fanout, counts } = this.#surroundings;
    this.#spread(fanout, entry.text, entry.binary, 0);
    if (this.#observers.size > 0) this.#unobserved.push(entry);
    const members = this.readers + this.binaryReaders + this.#observingMembers;
    const streams = this.#observers.size - this.#observingMembers;
    counts.deliveries.websocket += members;
    counts.deliveries.sse += streams;
    return members + streams;
  }

  /** Goes on after another place, and tells whoever reads live what they have missed. */
  move({ epoch, offset }: Position): void {
    if (epoch === this.epoch && offset <= this.last) return;
    this.forget();
    const from = formatPosition(this.epoch, this.last);
    const reason = epoch === this.epoch ? "trimmed" : "reset";
    this.epoch = epoch;
    this.last = offset;
    const to = formatPosition(epoch, offset);
    const gap: GapFrame = { type: "gap", room: this.name, reason, from, to };
    const { fanout, counts } = this.#surroundings;
    counts.gaps.websocket += this.readers + this.binaryReaders;
    this.#spread(fanout, encodeFrame(gap), null, 0);
    for (const observer of this.#observers) observer.tellGap(this, offset, gap);
  }

  /** Forgets the messages it keeps at hand. Who reads live has had them. */
  forget(): void {
    this.flush();
    this.#tail = null;
  }

  /** True when observers wait for {@link flush}. */
  get isUnobserved(): boolean {
    return this.#unobserved.length > 0;
  }

  /** Hands what came since the last time to the observers, joined into one buffer for all of them. */
  flush(): void {
    const entries = this.#unobserved;
    if (entries.length === 0) return;
    this.#unobserved = [];
    let bytes: Uint8Array | undefined;
    const shared = () => {
      bytes ??= this.#surroundings.encodeStream(entries);
      return bytes;
    };
    for (const observer of this.#observers) observer.observe(this, entries, shared);
  }

  /** Adds an observer. What came before this moment is not for it. */
  observe(observer: Observer, transport: "websocket" | "sse" = "sse"): void {
    this.flush();
    this.#observers.add(observer);
    if (transport === "websocket") this.#observingMembers += 1;
  }

  unobserve(observer: Observer, transport: "websocket" | "sse" = "sse"): void {
    const wasThere = this.#observers.delete(observer);
    if (wasThere && transport === "websocket") this.#observingMembers -= 1;
  }

  /** What is counted of all rooms together. */
  get counts(): HubCounts {
    return this.#surroundings.counts;
  }

  /** Tells everybody in the room, save `sender` and the connection behind `publish` if given. */
  tell(
    event: RoomEvent,
    publish?: (topic: string, frame: string | Uint8Array) => void,
    sender?: Pick<Observer, "hear">,
  ): void {
    const fanout = publish === undefined ? this.#surroundings.fanout : { publish };
    this.#spread(fanout, event.json, event.binary, publish === undefined ? 0 : 1);
    this.flush(); // an event must not overtake the messages before it
    for (const observer of this.#observers) if (observer !== sender) observer.hear(this, event);
    for (const reader of this.catchingUp) if (reader !== sender) reader.hear(this, event);
  }

  /** Counts `uses` fewer, and is let go when none are left and nobody here is within their grace. */
  release(uses = 1): void {
    this.uses -= uses;
    if (this.uses === 0 && this.presence.hereCount === 0) this.#surroundings.onDeserted(this);
  }

  /** Hears from its presence that the last member who was here is gone. */
  onDeserted(): void {
    this.release(0);
  }

  /** Hears from its presence who came and who went, and tells everybody. */
  onPresence({ joined, left, members }: PresenceChange): void {
    const observers = this.observerCount;
    const frame = { type: "presence", room: this.name, joined, left, members, observers };
    this.tell({ name: "presence", json: JSON.stringify(frame), binary: null });
  }

  /** Publishes to both topics. Of their readers `left` are left out. */
  #spread(fanout: Fanout, text: string, binary: Uint8Array | null, left: number): void {
    const { sent } = this;
    const { sentBytes } = this.#surroundings.counts;
    if (this.readers > 0) {
      fanout.publish(this.topic, text);
      const bytes = Buffer.byteLength(text);
      sent.textBytes += bytes;
      sentBytes.websocket += bytes * (this.readers - left);
    }
    if (this.binaryReaders === 0) return;
    fanout.publish(this.binaryTopic, binary ?? text);
    const bytes = binary?.length ?? Buffer.byteLength(text);
    sent.binaryBytes += bytes;
    sentBytes.websocket += bytes * (this.binaryReaders - (this.readers > 0 ? 0 : left));
  }
}
