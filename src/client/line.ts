/** A line: a connection that comes back, and the rooms that go on over it. */

import { Connection } from "./connection.ts";
import type { ConnectOptions, JoinOptions, Line, Room } from "./contract.ts";
import { LineError } from "./line-error.ts";
import type { Heard, HeardFrame, JoinRequest, Link, RoomRequest } from "./link.ts";
import { Pending, retryMs } from "./pending.ts";
import { JoinedRoom, type RoomLine } from "./room.ts";

const flushMs = 5_000;
/** Milliseconds between two looks at what is pending. */
const lookMs = 20;
/** What a page hears when it may have a network again, or somebody looking at it. */
const wakeEvents = ["online", "offline", "visibilitychange", "resume"];

/** Begins to connect at once. */
export class OpenLine extends Connection implements Line, RoomLine {
  readonly #pending: Pending;
  readonly rooms = new Map<string, JoinedRoom>();
  #isClosed = false;

  constructor(base: string, options: ConnectOptions) {
    super(base, options);
    this.#pending = new Pending(options, (room) => this.rooms.get(room)?.isJoined);
    this.connect();
    for (const name of wakeEvents) globalThis.addEventListener?.(name, this.#wake);
  }

  get pending(): number {
    return this.#pending.messages;
  }

  get username(): string | undefined {
    return this.http.username;
  }

  set username(username: string | undefined) {
    this.http.username = username;
    for (const join of this.joins) this.send(join);
  }

  join<Content, SignalContent>(
    name: string,
    options: JoinOptions = {},
  ): Room<Content, SignalContent> {
    if (this.#isClosed) throw closed();
    let room = this.rooms.get(name);
    if (!room) {
      room = new JoinedRoom(name, options, this);
      this.rooms.set(name, room);
      this.send(this.#toJoin(room));
    }
    // What a room carries is the word of whoever joins it.
    return room as unknown as Room<Content, SignalContent>;
  }

  ask<Answer>(request: RoomRequest): Promise<Answer> {
    return this.#pending.ask(request);
  }

  override renew(): void {
    if (this.#isClosed) return;
    for (const room of this.rooms.values()) room.revive();
    super.renew();
  }

  async flush(withinMs = flushMs): Promise<boolean> {
    const end = Date.now() + withinMs;
    while (this.pending > 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
    return this.pending === 0;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const name of wakeEvents) globalThis.removeEventListener?.(name, this.#wake);
    this.shut();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
    this.close();
  }

  protected get joins(): JoinRequest[] {
    return [...this.rooms.values()].map((room) => this.#toJoin(room));
  }

  protected end(error?: LineError): void {
    for (const room of this.rooms.values()) room.end(error);
    this.#pending.drop(error ?? closed());
    if (!error) this.rooms.clear();
  }

  protected attach(link: Link | undefined): void {
    for (const room of this.rooms.values()) {
      room.isJoined = false;
      link?.send(this.#toJoin(room));
    }
    this.#pending.attach(link);
  }

  protected hear(frame: HeardFrame): void {
    if (typeof frame.ref === "number") {
      const pausing = this.#pending.hear(frame);
      if (pausing) this.emit("error", pausing);
      return;
    }
    switch (frame.type) {
      case "left":
        // Unasked: a new token does not cover the room.
        if (!frame.ref) this.leave(frame.room, new LineError("forbidden", "The room was left."));
        return;
      case "lost":
        // It would cut each connection anew.
        if (frame.error.code === "too_large") this.#pending.shed(frame.error);
        return;
      case "error":
        return this.#refuse(frame);
      default:
        if ("room" in frame) this.rooms.get(frame.room)?.hear(frame);
        if (frame.type === "joined") this.#pending.flush();
    }
  }

  #refuse({ ref, error }: Heard<"error">): void {
    const asked = String(ref)[0];
    const name = String(ref).slice(1);
    const room = this.rooms.get(name);
    if (!room) this.emit("error", error);
    else if (asked !== "j" || room.isJoined) room.emit("error", error);
    else if (!error.passes) this.leave(name, error);
    else {
      setTimeout(() => {
        if (room === this.rooms.get(name) && !room.isJoined) this.send(this.#toJoin(room));
      }, error.retryAfterMs || retryMs);
    }
  }

  leave(name: string, error?: LineError): void {
    const room = this.rooms.get(name);
    if (!error) this.send({ type: "leave", room: name, ref: "l" });
    this.rooms.delete(name);
    room?.end(error);
    this.#pending.drop(error ?? new LineError("closed", "The room was left."), name);
    // Last: whoever hears it may join again.
    if (error) room?.emit("error", error);
  }

  #toJoin({ name: room, since }: JoinedRoom): JoinRequest {
    return { type: "join", ref: `j${room}`, room, since, username: this.username };
  }

  // Hidden, nobody waits for anything.
  readonly #wake = (): void => {
    if (globalThis.document?.visibilityState !== "hidden") this.retry();
  };
}

function closed(): LineError {
  return new LineError("closed", "The line was closed.");
}
