/** The one table of errors: what each code means on HTTP and on WebSocket. */

/** One row of the table. `close` is the WebSocket close code of a fatal error, null if it is not. */
export interface ErrorRow {
  readonly status: number;
  readonly close: number | null;
  readonly title: string;
}

export const errorTable = {
  bad_frame: { status: 400, close: null, title: "Malformed frame or request" },
  invalid_room: { status: 400, close: null, title: "Invalid room name" },
  unauthenticated: { status: 401, close: 4401, title: "Not authenticated" },
  forbidden: { status: 403, close: null, title: "Not permitted" },
  not_found: { status: 404, close: null, title: "Not found" },
  not_joined: { status: 409, close: null, title: "Not joined" },
  too_large: { status: 413, close: 1009, title: "Too large" },
  rate_limited: { status: 429, close: null, title: "Too many requests" },
  too_many: { status: 503, close: 1013, title: "Too many connections" },
  slow_reader: { status: 503, close: 1013, title: "Slow reader" },
  unavailable: { status: 503, close: null, title: "Store unavailable" },
  draining: { status: 503, close: 1012, title: "Draining" },
  internal: { status: 500, close: 1011, title: "Internal error" },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/**
 * An expected failure. Its message is safe to show to whoever caused it.
 * `retryAfterMs` tells when trying again makes sense; undefined where it never does or nobody knows.
 * `limit` names the limit that was reached, as the configuration does: refusals are counted by it, so
 * it must be a word out of the source. It is not told.
 */
export class PartylineError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly limit: string | undefined;

  constructor(code: ErrorCode, message: string, retryAfterMs?: number, limit?: string) {
    super(message);
    this.name = "PartylineError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.limit = limit;
  }
}

/** An RFC 9457 problem document. `retryAfterMs` stands beside the standard members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryAfterMs?: number;
}

/** Describes an expected failure as an RFC 9457 problem. */
export function toProblem(error: PartylineError): Problem {
  const { status, title } = errorTable[error.code];
  return {
    type: `/docs/protocol#${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.message,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  };
}

/** Turns anything thrown into an expected failure; a defect becomes `internal` and tells nothing. */
export function toPartylineError(thrown: unknown): PartylineError {
  if (thrown instanceof PartylineError) return thrown;
  return new PartylineError("internal", "Something went wrong on the server.");
}
