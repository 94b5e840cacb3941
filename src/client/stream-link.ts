/** A link over Server-Sent Events down and `POST` up, for where WebSocket does not get through. */

import type { Problem } from "../protocol/errors.ts";
import { createEventParser, type ParsedEvent } from "./event-parser.ts";
import { gone, type HttpCalls, toPath } from "./http-calls.ts";
import { LineError } from "./line-error.ts";
import type { Hear, JoinRequest, Link, Request } from "./link.ts";

const roomsMax = 50;

/** A join, and where its reader stands by now. */
interface Place {
  readonly request: JoinRequest;
  /** A position or `start`; undefined for the end. */
  since: string | undefined;
  isJoined?: boolean;
}

/** One stream of all rooms; joining another opens it anew, from where each room stands. */
export class StreamLink implements Link {
  readonly transport = "sse";
  readonly #http: HttpCalls;
  readonly #hear: Hear;
  readonly #places = new Map<string, Place>();
  #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWelcome = false;

  constructor(joins: readonly JoinRequest[], http: HttpCalls, hear: Hear) {
    this.#http = http;
    this.#hear = hear;
    this.#openSoon();
    // What is too much is refused once it is there, and not by a server that is away.
    for (const join of joins.slice(0, roomsMax)) this.send(join);
  }

  send(request: Request): void {
    const { type } = request;
    if (type === "join") {
      if (this.#places.has(request.room)) return; // nothing else can be changed of it
      if (this.#places.size === roomsMax) {
        const error = new LineError("too_many", "There is too much.");
        return this.#hear({ type: "error", ref: request.ref, error });
      }
      this.#places.set(request.room, { request, since: request.since });
    } else if (type === "leave") this.#places.delete(request.room);
    else if (type === "auth") {
      this.#isWelcome = false; // it may be somebody else's
    } else return this.#http.ask(request, this.#hear);
    this.#openSoon();
  }

  /** A stream cannot be asked; where there are no rooms there is none, and the server itself is. */
  ping(): boolean {
    if (this.#places.size > 0) return false;
    this.#openSoon();
    return true;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /** Gathers what is joined and left in one go. What the old stream still has is of other places. */
  #openSoon(): void {
    this.close();
    this.#timer = setTimeout(() => {
      this.#abort = new AbortController();
      this.#open(this.#abort.signal);
    });
  }

  async #open(signal: AbortSignal): Promise<void> {
    let lost = gone();
    try {
      await this.#read(signal);
      if (this.#places.size === 0) return this.#welcome();
    } catch (thrown) {
      // Of a stream that breaks each platform says something else.
      if (thrown instanceof LineError) lost = thrown;
    }
    // One room that may not be read, or is none, keeps all others out.
    if (signal.aborted || (/^(forb|inv|bad)/.test(lost.code) && (await this.#sieve()))) return;
    this.#hear({ type: "lost", error: lost });
  }

  async #read(signal: AbortSignal): Promise<void> {
    const places = [...this.#places];
    const query = places.map(([room]) => `room=${encodeURIComponent(room)}`).join("&");
    const stands = places.flatMap(([room, { since }]) => (since ? `${room}@${since}` : []));
    const headers = { "last-event-id": stands.join() };
    const path = places.length > 0 ? `events?${query}` : "livez";
    const { body } = await this.#http.open(path, { signal, headers });
    const text = (body as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream());
    const reader = text.getReader();
    const parse = createEventParser((event) => signal.aborted || this.#take(event));
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      this.#hear({ type: "pong" });
      parse(value);
    }
  }

  #take({ event, id, data }: ParsedEvent): void {
    const frame = data && JSON.parse(data);
    if (event === "welcome") return this.#welcome(frame); // with a token, the server says who it is
    if (id || data) this.#welcome();
    for (const part of id?.split(",") ?? []) {
      const [room = "", position = ""] = part.split("@");
      const place = this.#places.get(room);
      if (place) this.#stand(room, place, position);
    }
    if (!frame) return;
    if (event !== "problem") return this.#hear(frame);
    const { code, detail, retryAfterMs }: Problem = frame;
    this.#hear({ type: "lost", error: new LineError(code, detail, retryAfterMs) });
  }

  #stand(room: string, place: Place, position: string): void {
    place.since = position;
    if (place.isJoined) return;
    place.isJoined = true;
    this.#hear({
      type: "joined",
      ref: place.request.ref,
      room,
      position,
      members: [],
      memberCount: 0,
      observers: 0,
    });
    this.#http.get(`${toPath(room)}/members`).then(
      (members) => this.#hear({ type: "members", room, ...members }),
      () => {}, // whoever may not know stays without
    );
  }

  #welcome(told?: object): void {
    if (this.#isWelcome && !told) return;
    this.#isWelcome = true;
    this.#hear({ type: "welcome", connection: "", user: null, limits: {}, server: {}, ...told });
  }

  /** Finds rooms that cannot be followed from there, and goes on without; false when there are none. */
  async #sieve(): Promise<boolean> {
    let isFound = false;
    for (const [room, { request, isJoined }] of this.#places) {
      if (isJoined) continue;
      const since = encodeURIComponent(request.since || "end");
      await this.#http.get(`${toPath(room)}/messages?limit=1&since=${since}`).catch((error) => {
        isFound = true;
        this.#places.delete(room);
        this.#hear({ type: "error", ref: request.ref, error });
      });
    }
    if (isFound && !this.#abort.signal.aborted) this.#openSoon(); // not closed by whoever heard of it
    return isFound;
  }
}
