/** Headers that every answer has, and those that allowed pages of other origins need (CORS). */

import { cors } from "@elysiajs/cors";
import { type AnyElysia, Elysia } from "elysia";
import type { Origins } from "../auth/origin.ts";
import { hasUntouchedBody } from "./unread-body.ts";

/**
 * The least that any answer says. The type is meant, so that nothing we send is run as a script; no
 * other site may embed it; and an address that holds a token goes nowhere.
 */
export const answerHeaders = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** Seconds for which a browser keeps the answer to a preflight. */
const preflightSeconds = 600;

/** What Elysia would put on an answer. */
interface Pending {
  headers: Readonly<Record<string, string | number | readonly string[] | undefined>>;
}

/** Puts headers on every answer of a route. `always` are those of this server in particular. */
export function withAnswerHeaders(always: Readonly<Record<string, string>>) {
  return new Elysia({ name: "answer-headers" }).mapResponse(
    { as: "global" },
    ({ request, responseValue, set }) => {
      // Bun 1.4.5 closes the connection then. A failure reads the body first.
      if (hasUntouchedBody(request)) set.headers.connection = "close";
      if (responseValue instanceof Response) addAnswerHeaders(responseValue, set, always);
      // What is not a Response yet gets them from Elysia; a WebSocket, which is none, needs none.
      else if (responseValue !== undefined) Object.assign(set.headers, answerHeaders, always);
    },
  );
}

/**
 * Puts headers on an answer: {@link answerHeaders}, `always`, and what plugins left in `set`. They go
 * into the Response itself: Elysia 1.4.30 would wrap its body in a new one, which costs a file its
 * Range and sendfile, and a stream its end. Doing it twice changes nothing.
 */
export function addAnswerHeaders(
  { headers }: Response,
  set: Pending,
  always: Readonly<Record<string, string>>,
): void {
  for (const fixed of [answerHeaders, always]) {
    for (const [name, value] of Object.entries(fixed)) {
      if (!headers.has(name)) headers.set(name, value);
    }
  }
  const isAllowed = Object.hasOwn(set.headers, "access-control-allow-origin");
  for (const [name, value] of Object.entries(set.headers)) {
    const isForAllowed = name.startsWith("access-control-");
    if (isForAllowed && (!isAllowed || !answersReads.has(name))) continue;
    if (name === "vary") headers.append(name, String(value));
    else headers.set(name, String(value));
  }
  set.headers = {};
}

/** Of the plugin's headers those that mean something outside a preflight. */
const answersReads = new Set(["access-control-allow-origin", "access-control-expose-headers"]);

/**
 * Lets pages of allowed origins read answers. Nothing of it is there where no origin is allowed.
 * Credentials are not asked for: tokens go in headers, and there are no cookies.
 */
export function crossOrigin(origins: Origins): AnyElysia {
  const app = new Elysia({ name: "cross-origin" });
  if (origins.isEmpty) return app;
  return app.use(
    cors({
      origin: ({ headers }) => origins.allows(headers.get("origin") ?? ""),
      methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
      allowedHeaders: [
        ...["authorization", "content-type", "idempotency-key", "last-event-id", "range"],
        ...["traceparent", "tracestate"],
        ...["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"],
      ],
      exposeHeaders: [
        ...["etag", "accept-ranges", "content-range", "content-disposition", "content-length"],
        ...["location", "retry-after"],
      ],
      credentials: false,
      maxAge: preflightSeconds,
    }),
  );
}
