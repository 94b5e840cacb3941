/** `GET /rooms/:room/events` and `GET /events`: rooms over Server-Sent Events. */

import type { Server } from "bun";
import { Elysia } from "elysia";
import type { Hub } from "../hub/hub.ts";
import { Subscription } from "../hub/subscription.ts";
import { Pass } from "../limit/pass.ts";
import { PartylineError, toPartylineError } from "../protocol/errors.ts";
import { encodeComment, encodeEvent, encodePreamble } from "../protocol/event-stream.ts";
import { readSince } from "../protocol/field.ts";
import { limits } from "../protocol/limits.ts";
import type { Since } from "../protocol/position.ts";
import type { Log } from "../telemetry/log.ts";
import type { Measures } from "../telemetry/measures.ts";
import type { Admission } from "./admission.ts";
import type { Leavers } from "./drain.ts";
import { assertMay, createConnectionId, type Guard, type Identity } from "./guard.ts";
import { type Roll, toArrival } from "./roll.ts";
import type { Sessions } from "./sessions.ts";
import { askedSince, toPlaces, toPositions } from "./stream-places.ts";
import { StreamSession } from "./stream-session.ts";

/** Seconds without a byte taken by the client after which Bun cuts a stream; comments are bytes. */
const silenceSecondsMax = 60;
/** The same for a stream that was cut: what Bun has of it already would stay as long. */
const cutSecondsMax = 1;
const heartbeat = encodeComment("");
/** The headers of every stream. */
export const streamHeaders = {
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
  readonly measures: Measures;
  readonly roll: Roll;
  readonly queueBytesMax: number;
}

/** The open streams. `close` stops their timer. */
export class Streams implements Leavers {
  readonly #open = new Map<Subscription, StreamSession>();
  readonly #hub: Hub;
  readonly #log: Log;
  readonly #queueBytesMax: number;
  readonly #admission: Admission;
  readonly #sessions: Sessions;
  readonly #measures: Measures;
  readonly #roll: Roll;
  readonly #heartbeats: ReturnType<typeof setInterval>;
  #unfinished = 0;

  constructor({ hub, log, queueBytesMax, admission, sessions, ...others }: StreamsOptions) {
    this.#hub = hub;
    this.#log = log;
    this.#queueBytesMax = queueBytesMax;
    this.#admission = admission;
    this.#sessions = sessions;
    this.#measures = others.measures;
    this.#roll = others.roll;
    this.#heartbeats = setInterval(() => {
      for (const subscription of this.#open.keys()) {
        if (subscription.isEmpty) subscription.push(heartbeat);
      }
    }, limits.heartbeatMs);
  }

  get count(): number {
    return this.#open.size;
  }

  /** Those whose last bytes were not taken yet, the open ones included. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /**
   * Answers with a stream of the rooms given, each from its own place. A promise only where other nodes
   * must be asked whether its user may have one more; it rejects with the same errors.
   * @throws too_many when there are as many connections as there may be
   */
  respond(
    request: Request,
    server: Server<unknown> | null,
    identity: Identity,
    places: ReadonlyMap<string, Since>,
    isOfSeveralRooms: boolean,
  ): Response | Promise<Response> {
    // Nobody would ever read that stream's body, nor abort it.
    if (request.method === "HEAD") return new Response(null, { headers: streamHeaders });
    const user = identity.token === null ? null : identity.user.id;
    const admitted = this.#admission.connect(request, server, user);
    const open = (pass: Pass) =>
      this.#openStream(request, server, identity, places, isOfSeveralRooms, pass);
    if (admitted instanceof Pass) return open(admitted);
    return admitted.then((pass) => {
      if (!request.signal.aborted) return open(pass);
      pass.release(); // nobody would ever read that stream, either
      return new Response(null);
    });
  }

  #openStream(
    request: Request,
    server: Server<unknown> | null,
    identity: Identity,
    places: ReadonlyMap<string, Since>,
    isOfSeveralRooms: boolean,
    pass: Pass,
  ): Response {
    // A timeout of 0 would also keep streams whose client stopped reading.
    server?.timeout(request, silenceSecondsMax);
    const subscription = new Subscription({
      queueBytesMax: this.#queueBytesMax,
      positions: isOfSeveralRooms ? toPositions(places) : null,
      maySeeMembers: (room) => session.identity.grant.may("presence", room),
      sentBytes: this.#measures.sentBytes,
    });
    const arrival = toArrival(request, pass);
    const rooms = [...places.keys()];
    const session = new StreamSession(
      identity.token === null ? identity.user.id.slice(1) : createConnectionId(),
      identity,
      subscription,
      rooms,
      arrival,
    );
    subscription.push(encodePreamble(limits.reconnectAfterMs));
    this.#open.set(subscription, session);
    this.#roll.add(session);
    if (identity.token !== null) session.welcome();
    this.#sessions.watch(session);
    subscription.onClose = () => {
      this.#open.delete(subscription);
      this.#sessions.forget(session);
      pass.release();
      if (subscription.hasOverflowed) {
        this.#measures.slowReaders.sse += 1;
        server?.timeout(request, cutSecondsMax);
      }
      this.#roll.remove(session, { reason: session.reason });
    };
    this.#unfinished += 1;
    subscription.onEnd = () => {
      this.#unfinished -= 1;
    };
    // The one sure sign that a client is gone: a generator's finally waits for its next yield.
    request.signal.addEventListener("abort", () => subscription.close(), { once: true });
    if (request.signal.aborted) subscription.close();
    for (const [room, since] of places) {
      this.#follow(room, subscription, since, pass).catch((thrown) => {
        this.#fail(session, thrown);
      });
    }
    // Bun takes an async generator as a body; the DOM's types, which the web app needs, do not know.
    return new Response(subscription.bytes() as unknown as ReadableStream, {
      headers: streamHeaders,
    });
  }

  close(): void {
    clearInterval(this.#heartbeats);
  }

  leaveForDrain(reconnectAfterMs: () => number): void {
    for (const [subscription, session] of this.#open) {
      this.#measures.drained.sse += 1;
      const delay = reconnectAfterMs();
      subscription.push(encodePreamble(delay));
      const data = JSON.stringify({ type: "draining", reconnectAfterMs: delay });
      subscription.push(encodeEvent({ event: "draining", data }));
      session.close("draining");
    }
  }

  async #follow(room: string, subscription: Subscription, since: Since, pass: Pass): Promise<void> {
    await this.#admission.enterRoom(this.#hub, room, pass.address.key);
    if (!subscription.isClosed) await this.#hub.observe(room, subscription, since);
  }

  #fail(session: StreamSession, thrown: unknown): void {
    const error = toPartylineError(thrown);
    this.#measures.countError("sse", error.code, error.limit);
    if (error.code === "internal") {
      const { id: connection, user, arrival } = session;
      const fields = { err: thrown, connection, user: user.id, ...arrival.trace };
      this.#log.error(fields, "a stream met a defect");
    }
    session.expire(error);
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
