/** Every HTTP request once it was answered: counted, and told in the log where that is asked for. */

import type { Server } from "bun";
import { Elysia } from "elysia";
import { errorTable, type PartylineError } from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";
import type { Measures } from "../telemetry/measures.ts";
import { findTrace } from "../telemetry/trace.ts";
import type { Admission } from "./admission.ts";

/** What is known of a request before it is answered. */
interface Note {
  readonly startedAt: number;
  /** Where it came from; null where nobody will be told. */
  readonly address: string | null;
}

/** What Elysia knows of a request when it is answered. */
export interface Answered {
  readonly request: Request;
  /** The pattern of its route; undefined where there is none. */
  readonly route?: string | undefined;
  /** Holds the room that its path names, if it names one; undefined where there is no route. */
  readonly params?: object | undefined;
}

/** Fixed pages are not seen here: Bun answers those by itself. */
export class Requests {
  readonly #log: Log;
  readonly #measures: Measures;
  readonly #admission: Admission;
  readonly #notes = new WeakMap<Request, Note>();

  constructor(log: Log, measures: Measures, admission: Admission) {
    this.#log = log;
    this.#measures = measures;
    this.#admission = admission;
  }

  begin(request: Request, server: Server<unknown> | null): void {
    const address = this.#log.isDebug ? this.#admission.addressOf(request, server) : null;
    this.#notes.set(request, { startedAt: performance.now(), address });
  }

  /** Counts a request that failed. */
  fail(answered: Answered, { code, limit }: PartylineError): void {
    this.#measures.countError("http", code, limit);
    this.end(answered, errorTable[code].status);
  }

  /** Counts a request. Does nothing the second time: some failures are heard of twice. */
  end({ request, route, params }: Answered, status: number): void {
    const note = this.#notes.get(request);
    if (note === undefined) return;
    this.#notes.delete(request);
    const { method, headers } = request;
    const ms = performance.now() - note.startedAt;
    this.#measures.countRequest(method, route, status, ms);
    const { address } = note;
    if (address === null) return;
    const { room } = (params ?? {}) as { room?: string };
    const rounded = Math.round(ms * 10) / 10;
    const fields = { method, path: toPath(request), room, status, ms: rounded, address };
    this.#log.debug({ ...fields, ...findTrace(headers) }, "request");
  }
}

/** The path of a request alone: its query may hold a token. */
export function toPath({ url }: Request): string {
  const [path = ""] = url.replace(/^https?:\/\/[^/]*/, "").split("?", 1);
  return path;
}

/** Hears of every request but those that fail, which {@link Requests.fail} is told of. */
export function countRequests(requests: Requests) {
  return (
    new Elysia({ name: "requests" })
      .onRequest(({ request, server }) => requests.begin(request, server))
      // Not onAfterResponse, which costs 10 µs of processor time a request with Elysia 1.4.30.
      .mapResponse({ as: "global" }, ({ request, route, params, responseValue }) => {
        requests.end({ request, route, params }, toStatus(responseValue));
      })
  );
}

/** Nothing is what a request that became a WebSocket is answered with; an object becomes JSON. */
function toStatus(value: unknown): number {
  if (value instanceof Response) return value.status;
  return value === undefined ? 101 : 200;
}
