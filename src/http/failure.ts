/** Thrown value → problem+json. What nobody expected becomes `internal` and a line in the log. */

import { Elysia } from "elysia";
import {
  type ErrorCode,
  errorTable,
  PartylineError,
  toPartylineError,
  toProblem,
} from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";
import { findTrace } from "../telemetry/trace.ts";
import { addAnswerHeaders } from "./answer-headers.ts";
import { type Answered, toPath } from "./requests.ts";
import { discardBody, hurried, patient } from "./unread-body.ts";

const overload: ReadonlySet<ErrorCode> = new Set(["unavailable", "too_many"]);

/** Answers with an RFC 9457 problem. */
export function respondProblem(error: PartylineError): Response {
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
  };
  // RFC 9110, section 15.5.2: a 401 says how to authenticate.
  if (error.code === "unauthenticated") headers["www-authenticate"] = "Bearer";
  // Bun 1.4.5 closes the connection then, and leaves the field out over HTTP/2 and HTTP/3.
  if (error.code === "draining") headers.connection = "close";
  const { retryAfterMs } = error;
  if (retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(retryAfterMs / 1000));
  return Response.json(toProblem(error), { status: errorTable[error.code].status, headers });
}

/**
 * `always` are headers of every answer: no other hook sees what `onRequest` threw. `onFailure` hears of
 * each failure before it is answered.
 */
export function failure(
  log: Log,
  always: Readonly<Record<string, string>> = {},
  onFailure: (answered: Answered, error: PartylineError) => void = () => {},
) {
  return new Elysia({ name: "failure" }).onError(
    { as: "global" },
    async ({ code, error, request, set, route, params }) => {
      const expected = toExpected(code, error);
      onFailure({ request, route, params }, expected);
      if (expected.code === "internal") {
        const fields = { err: error, method: request.method, path: toPath(request) };
        log.error({ ...fields, ...findTrace(request.headers) }, "a request met a defect");
      }
      const answer = respondProblem(expected);
      const patience = overload.has(expected.code) ? hurried : patient;
      if (!(await discardBody(request, patience))) answer.headers.set("connection", "close");
      addAnswerHeaders(answer, set, always);
      return answer;
    },
  );
}

function toExpected(code: string | number, error: unknown): PartylineError {
  switch (code) {
    case "NOT_FOUND":
      return new PartylineError("not_found", "There is nothing at this address.");
    case "PARSE":
      return new PartylineError("bad_frame", "The body is not what its Content-Type says.");
    case "VALIDATION":
      return new PartylineError("bad_frame", describeInvalid(error));
    default:
      return toPartylineError(error);
  }
}

function describeInvalid(error: unknown): string {
  const isNamed = typeof error === "object" && error !== null && "valueError" in error;
  const { valueError } = isNamed ? error : { valueError: undefined };
  const path = (valueError as { path?: string } | undefined)?.path?.slice(1);
  return path ? `Field "${path}" is missing or ill-typed.` : "A field is missing or ill-typed.";
}
