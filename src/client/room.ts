/** One room of a line: what is heard of it, and what is said there. */

import type { Member } from "../protocol/frame.ts";
import type {
  History,
  JoinOptions,
  Message,
  Presence,
  Room,
  RoomEvents,
  Signal,
} from "./contract.ts";
import { LineError } from "./line-error.ts";
import type { Body, Heard, HeardFrame, HeardMessage, Page, Request, RoomRequest } from "./link.ts";
import { Listeners } from "./listeners.ts";
import { isWithin } from "./position-order.ts";
import { decode, Reader, type ReaderSource } from "./reader.ts";

/** What a room needs of its line. */
export interface RoomLine {
  ask<Answer>(request: RoomRequest): Promise<Answer>;
  send(request: Request): void;
  /** Leaves it, unless that was done already: the name may be joined again since. */
  leave(room: { readonly name: string }): void;
}

export class JoinedRoom<Content = unknown, SignalContent = unknown>
  extends Listeners<RoomEvents<Content, SignalContent>>
  implements Room<Content, SignalContent>, ReaderSource
{
  declare readonly name: string;
  /** Tells this membership from earlier ones of the same name. */
  readonly ref = `${Math.random()}`;
  readonly #line: RoomLine;
  readonly #readers = new Set<Reader<Content>>();
  readonly #members = new Map<string, Member>();
  /** Where it was joined, or was to be: there the first iteration begins. */
  #origin: string | undefined;
  #hasIterated = false;
  #end: LineError | undefined;
  isJoined = false;
  position: string | undefined;
  memberCount = 0;
  observers = 0;

  constructor(name: string, { since }: JoinOptions, line: RoomLine) {
    super();
    this.name = name;
    this.#line = line;
    if (since !== "end") this.#origin = since;
    // A cut before the answer must not hide a gap.
    if (since?.includes(":")) this.position = since;
  }

  /** Where to join: from where it stands, or where it was told to begin. */
  get since(): string | undefined {
    return this.position ?? this.#origin;
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  publish(
    content: Content | Uint8Array,
    { id = createMessageId() }: { readonly id?: string } = {},
  ): Promise<string> {
    const done = (async () => {
      this.#assertOpen();
      const body = toBody(content);
      if (!/^[!-~]+$/.test(id)) throw malformed(); // a header has no other signs
      const request = { type: "message", room: this.name, id, body } as const;
      return (await this.#line.ask<Heard<"ack">>(request)).position;
    })();
    done.catch(() => {}); // who does not wait for it does not want to know
    return done;
  }

  signal(content: SignalContent | Uint8Array): void {
    const { name: room } = this;
    const ref = `s${this.ref}`;
    if (this.isJoined) this.#line.send({ type: "signal", ref, room, body: toBody(content) });
  }

  async history(
    options: { readonly before?: string; readonly limit?: number } = {},
  ): Promise<History<Content>> {
    this.#assertOpen();
    const request = { ...options, type: "history", room: this.name } as const;
    const { messages, more } = await this.#line.ask<Heard<"history">>(request);
    return { messages: messages.map(decode<Message<Content>>), more };
  }

  read(since: string): Promise<Page> {
    return this.#line.ask({ type: "read", room: this.name, since, limit: 100 });
  }

  leave(): void {
    this.#line.leave(this);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Message<Content>, void, undefined> {
    const { position } = this;
    const start = this.#hasIterated ? position : this.#origin;
    this.#hasIterated = true;
    const reader = new Reader<Content>(this, start, !!position && start !== position);
    this.#readers.add(reader);
    if (this.#end) reader.end(this.#end);
    return reader.messages(() => this.#readers.delete(reader));
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  /** Takes a frame of this room. */
  hear(frame: HeardFrame): void {
    const { type } = frame;
    if (type === "joined" && frame.ref === `j${this.ref}`) {
      const { position } = frame;
      this.isJoined = true;
      // One that stands elsewhere now is told of a gap next; a cut before that must not hide it.
      this.position ??= position;
      this.#origin ??= position;
      for (const reader of this.#readers) reader.stand(position);
      this.emit("joined", frame);
      this.#seat(frame);
    }
    if (!this.isJoined) return; // of an earlier membership, left since
    if (type === "message") this.#take(frame);
    else if (type === "gap") {
      this.position = frame.to;
      for (const reader of this.#readers) reader.gap(frame);
      this.emit("gap", frame);
    } else if (type === "members") this.#seat(frame);
    else if (type === "presence") this.#note(frame);
    else if (type === "signal") this.emit("signal", decode<Signal<SignalContent>>(frame));
  }

  /** May be used again after it ended. */
  revive(): void {
    this.#end = undefined;
  }

  /** Ends all iterations; they throw the error, save one that is `closed`. */
  end(error: LineError): void {
    this.isJoined = false;
    this.#end = error;
    for (const reader of this.#readers) reader.end(error);
  }

  #take(heard: HeardMessage): void {
    const { position } = heard;
    if (isWithin(position, this.position ?? "")) return; // seen already
    this.position = position;
    const message = decode<Message<Content>>(heard);
    for (const reader of this.#readers) reader.message(message);
    this.emit("message", message);
  }

  /** Takes a whole list of members, and tells how it differs. */
  #seat({ room, members, memberCount, observers }: Heard<"joined" | "members">): void {
    const left = this.members.filter(({ id }) => !members.some((member) => member.id === id));
    this.#note({ type: "presence", room, joined: members, left, members: memberCount, observers });
  }

  #note(presence: Presence): void {
    for (const { id } of presence.left) this.#members.delete(id);
    for (const member of presence.joined) this.#members.set(member.id, member);
    this.memberCount = presence.members;
    this.observers = presence.observers;
    this.emit("presence", presence);
  }

  #assertOpen(): void {
    if (this.#end) throw this.#end;
  }
}

/** 128 random bits; `crypto.randomUUID` would be missing on a page over plain HTTP from another host. */
export function createMessageId(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** @throws LineError bad_frame when it is no JSON value */
function toBody(content: unknown): Body {
  // It may be used again, and the `slice` of a `Buffer` of Node copies nothing.
  if (content instanceof Uint8Array) return new Uint8Array(content);
  const json = JSON.stringify(content);
  if (json) return json;
  throw malformed();
}

function malformed(): LineError {
  return new LineError("bad_frame", "This cannot be published.");
}
