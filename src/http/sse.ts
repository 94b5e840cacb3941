/** `GET /rooms/:room/events` and `GET /events`: rooms over Server-Sent Events. */

import type { Server } from "bun";
import { Elysia } from "elysia";
import type { Hub } from "../hub/hub.ts";
import { Subscription } from "../hub/subscription.ts";
import type { Pass } from "../limit/pass.ts";
import { PartylineError, toPartylineError, toProblem } from "../protocol/errors.ts";
import { encodeComment, encodeEvent, encodePreamble } from "../protocol/event-stream.ts";
import { readSince } from "../protocol/field.ts";
import { limits } from "../protocol/limits.ts";
import { type Position, parsePositions, type Since } from "../protocol/position.ts";
import type { Log } from "../telemetry/log.ts";
import type { Admission } from "./admission.ts";
import { assertMay, createConnectionId, type Guard, type Identity } from "./guard.ts";
import type { Sessions } from "./sessions.ts";
import { StreamSession } from "./stream-session.ts";

/** Seconds without a byte taken by the client after which Bun cuts a stream; comments are bytes. */
const silenceSecondsMax = 60;
const heartbeat = encodeComment("");
const headers = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
};

/** What the streams work with. */
export interface StreamsOptions {
  readonly hub: Hub;
  readonly log: Log;
  readonly admission: Admission;
  readonly sessions: Sessions;
  readonly queueBytesMax: number;
}

/** The open streams. `close` tells each when to come back, and ends it. */
export class Streams {
  readonly #open = new Set<Subscription>();
  readonly #hub: Hub;
  readonly #log: Log;
  readonly #queueBytesMax: number;
  readonly #admission: Admission;
  readonly #sessions: Sessions;
  readonly #heartbeats: ReturnType<typeof setInterval>;

  constructor({ hub, log, queueBytesMax, admission, sessions }: StreamsOptions) {
    this.#hub = hub;
    this.#log = log;
    this.#queueBytesMax = queueBytesMax;
    this.#admission = admission;
    this.#sessions = sessions;
    this.#heartbeats = setInterval(() => {
      for (const subscription of this.#open) if (subscription.isEmpty) subscription.push(heartbeat);
    }, limits.heartbeatMs);
  }

  get count(): number {
    return this.#open.size;
  }

  /**
   * Answers with a stream of the rooms given, each from its own place.
   * @throws too_many when there are as many connections as there may be
   */
  respond(
    request: Request,
    server: Server<unknown> | null,
    identity: Identity,
    places: ReadonlyMap<string, Since>,
    isOfSeveralRooms: boolean,
  ): Response {
    // Nobody would ever read that stream's body, nor abort it.
    if (request.method === "HEAD") return new Response(null, { headers });
    const user = identity.token === null ? null : identity.user.id;
    const pass = this.#admission.connect(request, server, user);
    // A timeout of 0 would also keep streams whose client stopped reading.
    server?.timeout(request, silenceSecondsMax);
    let session: StreamSession | null = null;
    const subscription = new Subscription({
      queueBytesMax: this.#queueBytesMax,
      positions: isOfSeveralRooms ? toPositions(places) : null,
      maySeeMembers: (room) => (session?.identity ?? identity).grant.may("presence", room),
    });
    subscription.push(encodePreamble(limits.reconnectAfterMs));
    this.#open.add(subscription);
    const rooms = [...places.keys()];
    if (identity.token !== null) {
      session = new StreamSession(createConnectionId(), identity, subscription, rooms);
      session.welcome();
      this.#sessions.watch(session);
    }
    subscription.onClose = () => {
      this.#open.delete(subscription);
      if (session !== null) this.#sessions.forget(session);
      pass.release();
      if (subscription.hasOverflowed) this.#hub.counts.slowReaders += 1;
    };
    // The one sure sign that a client is gone: a generator's finally waits for its next yield.
    request.signal.addEventListener("abort", () => subscription.close(), { once: true });
    if (request.signal.aborted) subscription.close();
    for (const [room, since] of places) {
      this.#follow(room, subscription, since, pass).catch((thrown) => {
        this.#fail(subscription, thrown);
      });
    }
    // Bun takes an async generator as a body; the DOM's types, which the web app needs, do not know.
    return new Response(subscription.bytes() as unknown as ReadableStream, { headers });
  }

  close(reconnectAfterMs: () => number): void {
    clearInterval(this.#heartbeats);
    for (const subscription of this.#open) {
      const delay = reconnectAfterMs();
      subscription.push(encodePreamble(delay));
      const data = JSON.stringify({ type: "draining", reconnectAfterMs: delay });
      subscription.push(encodeEvent({ event: "draining", data }));
      subscription.close();
    }
  }

  async #follow(room: string, subscription: Subscription, since: Since, pass: Pass): Promise<void> {
    await this.#admission.enterRoom(this.#hub, room, pass.address.key);
    if (!subscription.isClosed) await this.#hub.observe(room, subscription, since);
  }

  #fail(subscription: Subscription, thrown: unknown): void {
    const error = toPartylineError(thrown);
    if (error.code === "internal") this.#log.error({ err: thrown }, "a stream failed");
    // Not "error": EventSource would call the handler that it calls for a broken line.
    subscription.push(encodeEvent({ event: "problem", data: JSON.stringify(toProblem(error)) }));
    subscription.close();
  }
}

export function sse(streams: Streams, guard: Guard) {
  return new Elysia({ name: "sse" })
    .get(
      "/rooms/:room/events",
      async ({ params, request, server }) => {
        const identity = await guard.identify(request);
        const room = assertMay(identity, "read", params.room);
        const since = readSince(askedSince(request) ?? undefined, "since");
        return streams.respond(request, server, identity, new Map([[room, since]]), false);
      },
      { detail: { summary: "Follow a room", tags: ["rooms"] } },
    )
    .get(
      "/events",
      async ({ request, server }) => {
        const identity = await guard.identify(request);
        const asked = new URL(request.url).searchParams.getAll("room");
        const { streamRoomsMax } = limits;
        if (asked.length === 0 || asked.length > streamRoomsMax) {
          const text = `Name 1 to ${streamRoomsMax} rooms: /events?room=a&room=b`;
          throw new PartylineError("bad_frame", text);
        }
        const places = toPlaces(asked, request, identity);
        return streams.respond(request, server, identity, places, true);
      },
      { detail: { summary: "Follow several rooms", tags: ["rooms"] } },
    );
}

/** The header wins: a browser that reconnects sends it along with the URL it first had. */
function askedSince(request: Request): string | null {
  return lastEventId(request) || searchedSince(request) || null;
}

function lastEventId(request: Request): string | null {
  return request.headers.get("last-event-id");
}

function searchedSince(request: Request): string | null {
  return new URL(request.url).searchParams.get("since");
}

/** A room that the header does not name has not been told of yet: it still starts where the URL says. */
function toPlaces(
  asked: readonly string[],
  request: Request,
  identity: Identity,
): Map<string, Since> {
  const placeInHeader = readPlaces(lastEventId(request));
  const placeInUrl = readPlaces(searchedSince(request));
  const places = new Map<string, Since>();
  for (const name of asked) {
    const room = assertMay(identity, "read", name);
    places.set(room, placeInHeader(room) ?? placeInUrl(room) ?? "end");
  }
  return places;
}

function readPlaces(text: string | null): (room: string) => Since | undefined {
  if (text === null || text === "") return () => undefined;
  if (text === "start" || text === "end") return () => text;
  const positions = parsePositions(text);
  if (positions !== undefined) return (room) => positions.get(room);
  throw new PartylineError(
    "bad_frame",
    'Field "since" must be like "a@9f3k1c:7,b@9f3k1c:12", or "start", or "end".',
  );
}

/** The places that are known before the log is asked. */
function toPositions(places: ReadonlyMap<string, Since>): Map<string, Position> {
  const positions = new Map<string, Position>();
  for (const [room, since] of places) if (typeof since === "object") positions.set(room, since);
  return positions;
}
