/** Requests over HTTP: all of them where WebSocket does not get through, some in any case. */

import type { Problem } from "../protocol/errors.ts";
import type { Ref } from "../protocol/frame.ts";
import type { ConnectOptions } from "./contract.ts";
import { LineError } from "./line-error.ts";
import type { Body, Hear, Request } from "./link.ts";

/** Milliseconds after which a call is as good as lost. */
const answerMs = 30_000;

type CallInit = RequestInit & { headers?: Record<string, string> };

/** All that a request may have. */
interface CalledRequest {
  readonly type: Request["type"];
  readonly ref: Ref;
  readonly room: string;
  readonly id: string;
  readonly body: Body;
}

/** Calls to one server. Whom they act for changes with time. */
export class HttpCalls {
  /** The address that all others are relative to. */
  declare readonly base: string;
  readonly #fetch: NonNullable<ConnectOptions["fetch"]>;
  token: string | undefined;
  declare username: string | undefined;

  constructor(base: string, { fetch = globalThis.fetch, username }: ConnectOptions) {
    this.base = base;
    this.#fetch = fetch;
    this.username = username;
  }

  /** Answers a request as WebSocket would, but for the type of the answer. */
  ask(request: Request, hear: Hear): void {
    const { type, ref, room = "", id, body, ...fields } = request as Partial<CalledRequest>;
    const isBytes = body instanceof Uint8Array;
    const query = JSON.stringify({ ...fields, username: this.username }); // leaves out what is not
    const path = `${toPath(room)}/${type === "signal" ? type : "message"}s?`;
    const headers: Record<string, string> = {
      "content-type": `application/${isBytes ? "octet-stream" : "json"}`,
    };
    if (id) headers["idempotency-key"] = id;
    const sent = isBytes ? body : body && `{"content":${body}}`;
    const init = { method: sent ? "POST" : "GET", body: sent as BodyInit, headers };
    this.get(path + new URLSearchParams(JSON.parse(query)), init).then(
      (answer) => hear({ ...answer, type: "ack", ref }),
      (error: LineError) => {
        // The token ran out: what was asked is asked again with a newer one.
        if (error.code === "unauthenticated" && this.token) hear({ type: "lost", error });
        else hear({ type: "error", ref, error });
      },
    );
  }

  /** Reads JSON. @throws LineError */
  async get(path: string, init?: CallInit) {
    const response = await this.open(path, { signal: AbortSignal.timeout(answerMs), ...init });
    // It may be cut in the middle, or be somebody else's page.
    return response.status === 204 ? {} : response.json().catch(fail);
  }

  /** Makes a call and resolves once it is accepted. @throws LineError */
  async open(path: string, { headers = {}, ...init }: CallInit): Promise<Response> {
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    const fetch = this.#fetch; // a browser's own one must not be called as a method
    // What it fails with differs everywhere, and says no more.
    const response = await fetch(this.base + path, { ...init, headers }).catch(fail);
    const { ok, status } = response;
    if (ok) return response;
    const problem: Partial<Problem> = await response.json().catch(() => ({}));
    // A proxy's own answers have none of it; those above 428 may pass by themselves.
    const { code = status > 428 ? "unavailable" : "forbidden", detail = `Status ${status}` } =
      problem;
    throw new LineError(code, detail, problem.retryAfterMs);
  }
}

/** Where a room is. */
export function toPath(room: string): string {
  return `rooms/${encodeURIComponent(room)}`;
}

/** The server is not there, or not any more. */
export function gone(message = "The server cannot be reached."): LineError {
  return new LineError("unavailable", message);
}

function fail(): never {
  throw gone();
}
