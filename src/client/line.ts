/** A line: a connection that comes back, and the rooms that go on over it. */

import { Connection } from "./connection.ts";
import type { ConnectOptions, JoinOptions, Line, Room } from "./contract.ts";
import { LineError } from "./line-error.ts";
import type { Heard, HeardFrame, JoinRequest, Link, RoomRequest } from "./link.ts";
import { Pending } from "./pending.ts";
import { JoinedRoom, type RoomLine } from "./room.ts";

/** Begins to connect at once. */
export class OpenLine extends Connection implements Line, RoomLine {
  readonly #pending: Pending;
  readonly rooms = new Map<string, JoinedRoom>();
  readonly #life = new AbortController();

  constructor(base: string, options: ConnectOptions) {
    super(base, options);
    this.#pending = new Pending(options, (room) => this.rooms.get(room)?.isJoined);
    this.connect();
    const { signal } = this.#life;
    // Hidden, nobody waits for anything.
    const wake = () => globalThis.document?.visibilityState === "hidden" || this.wake();
    // It may have a network again, or somebody looking at it.
    for (const name of ["online", "offline", "visibilitychange"]) {
      globalThis.addEventListener?.(name, wake, { signal });
    }
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
    if (this.#life.signal.aborted) throw closed();
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
    if (this.#life.signal.aborted) return;
    for (const room of this.rooms.values()) room.revive();
    super.renew();
  }

  async flush(withinMs = 5_000): Promise<boolean> {
    const end = Date.now() + withinMs;
    while (this.pending > 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.pending === 0;
  }

  close(): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort();
    this.shut(closed());
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

  protected end(error: LineError): void {
    for (const room of this.rooms.values()) room.end(error);
    this.#pending.drop(error);
    if (this.#life.signal.aborted) this.rooms.clear();
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
    if (frame.type === "error") return this.#refuse(frame);
    const room = this.rooms.get((frame as HeardFrame & { room: string }).room);
    // Unasked: a new token does not cover the room.
    if (room && frame.type === "left" && !frame.ref) this.leave(room, left("forbidden"));
    room?.hear(frame);
    if (frame.type === "joined") this.#pending.flush();
  }

  #refuse({ ref, error }: Heard<"error">): void {
    const asked = String(ref);
    const room = [...this.rooms.values()].find((each) => each.ref === asked.slice(1));
    if (!room) this.emit("error", error);
    else if (asked[0] !== "j" || room.isJoined) room.emit("error", error);
    else if (!error.passes) this.leave(room, error);
    else {
      this.emit("error", error);
      const rejoinMs = 2_000;
      setTimeout(() => {
        for (const join of this.joins) if (join.ref === ref) this.send(join);
      }, error.retryAfterMs || rejoinMs);
    }
  }

  leave(asked: { readonly name: string }, refusal?: LineError): void {
    const { name } = asked;
    const room = this.rooms.get(name);
    if (room !== asked) return;
    const error = refusal ?? left("closed");
    if (!refusal) this.send({ type: "leave", room: name, ref: "l" });
    this.rooms.delete(name);
    room.end(error);
    this.#pending.drop(error, name);
    // Last: whoever hears it may join again.
    if (refusal) room.emit("error", refusal);
  }

  #toJoin({ name: room, since, ref }: JoinedRoom): JoinRequest {
    return { type: "join", ref: `j${ref}`, room, since, username: this.username };
  }
}

function left(code: LineError["code"]): LineError {
  return new LineError(code, "The room was left.");
}

function closed(): LineError {
  return new LineError("closed", "The line was closed.");
}
