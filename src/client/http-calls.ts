/** Requests over HTTP: all of them where WebSocket does not get through, some in any case. */

import type { Problem } from "../protocol/errors.ts";
import type { Ref } from "../protocol/frame.ts";
import type { ConnectOptions } from "./contract.ts";
import { LineError } from "./line-error.ts";
import type { Body, Hear, Request } from "./link.ts";

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
    const { token } = this;
    const { type, ref, room, id, body, ...fields } = request as CalledRequest;
    const isBytes = body instanceof Uint8Array;
    const query = JSON.stringify({ ...fields, username: this.username }); // leaves out what is not
    const path = `${toPath(room)}/${type === "signal" ? type : "message"}s?`;
    const headers: Record<string, string> = {
      "content-type": `application/${isBytes ? "octet-stream" : "json"}`,
    };
    if (id) headers["idempotency-key"] = id;
    const init = { method: body ? "POST" : "GET", headers } as CallInit;
    if (body) init.body = (isBytes ? body : `{"content":${body}}`) as BodyInit;
    this.get(path + new URLSearchParams(JSON.parse(query)), init).then(
      (answer) => hear({ ...answer, type: "ack", ref }),
      (error: LineError) => {
        // The token ran out: what was asked is asked again with a newer one.
        if (error.code !== "unauthenticated" || !token) hear({ type: "error", ref, error });
        else if (token === this.token) hear({ type: "lost", error });
        else this.ask(request, hear);
      },
    );
  }

  /** Reads JSON. @throws LineError */
  async get(path: string, init?: CallInit) {
    const answerMs = 30_000; // after that it is as good as lost
    const response = await this.open(path, { signal: AbortSignal.timeout(answerMs), ...init });
    // It may be cut in the middle, or be somebody else's page.
    return response.status === 204 ? {} : ((await response.json().catch(fail)) ?? fail());
  }

  /** Makes a call and resolves once it is accepted. @throws LineError */
  async open(path: string, { headers = {}, ...init }: CallInit): Promise<Response> {
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    const fetch = this.#fetch; // a browser's own one must not be called as a method
    // What it fails with differs everywhere, and says no more.
    const response = await fetch(this.base + path, { ...init, headers }).catch(fail);
    const { ok, status } = response;
    if (ok) return response;
    // In Bun 1.4.5 an empty body is null.
    const problem: Partial<Problem> = (await response.json().catch(() => {})) ?? {};
    // A proxy's own answers have none of it, and are no word of the server's about a room; those
    // above 428 may pass by themselves.
    const { code = status > 428 ? "unavailable" : "not_found", detail = `Status ${status}` } =
      problem;
    const retryAfterS = Number(response.headers.get("retry-after")); // a proxy's; a date is none
    throw new LineError(code, detail, problem.retryAfterMs ?? (retryAfterS * 1_000 || undefined));
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
