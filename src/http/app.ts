/** The plugins in the order a request meets them. */

import { openapi } from "@elysiajs/openapi";
import type { ServerWebSocket } from "bun";
import { type AnyElysia, Elysia } from "elysia";
import type { Revocations } from "../auth/revocations.ts";
import type { Hub } from "../hub/hub.ts";
import { errorTable, PartylineError } from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";
import { type AdminParts, admin } from "./admin.ts";
import { crossOrigin, withAnswerHeaders } from "./answer-headers.ts";
import { auth } from "./auth.ts";
import type { BodyLimits } from "./body.ts";
import type { Drain } from "./drain.ts";
import { echo } from "./echo.ts";
import { failure } from "./failure.ts";
import { type HealthParts, health, type Readiness } from "./health.ts";
import type { Kicks } from "./kicks.ts";
import { messages } from "./messages.ts";
import { originGuard, type PageRules } from "./origin-guard.ts";
import { toStaticRoutes } from "./page.ts";
import type { Renewals } from "./renewals.ts";
import { countRequests, Requests } from "./requests.ts";
import type { ConnectionHouse } from "./room-connection.ts";
import { rooms } from "./rooms.ts";
import { signals } from "./signals.ts";
import { type Streams, sse } from "./sse.ts";
import { websocket } from "./websocket.ts";

/** What the routes work with. */
export interface AppParts {
  readonly hub: Hub;
  readonly log: Log;
  readonly house: ConnectionHouse;
  readonly streams: Streams;
  readonly revocations: Revocations;
  readonly kicks: Kicks;
  readonly renewals: Renewals;
  readonly readiness: Readiness;
  readonly drain: Drain;
  readonly administrators: AdminParts["administrators"];
  readonly overview: Pick<HealthParts, "meters" | "hasOpenMetrics"> & Pick<AdminParts, "watch">;
  readonly version: string;
  readonly frameBytesMax: number;
  readonly queueBytesMax: number;
  readonly bodyLimits: BodyLimits;
  /** The app will be listening with TLS. */
  readonly hasTls: boolean;
  readonly pageRules: PageRules;
  /** Headers of every answer, beside those that no server of ours leaves out. */
  readonly answerHeaders: Readonly<Record<string, string>>;
  /** Plugins that serve files: the download folder, the manual, the web app. */
  readonly pages: readonly AnyElysia[];
}

/** What `Bun.serve` must know of WebSocket; Elysia takes it at its root only. */
export function toWebSocketOptions(
  { frameBytesMax, queueBytesMax }: Pick<AppParts, "frameBytesMax" | "queueBytesMax">,
  log?: Log,
) {
  return {
    maxPayloadLength: frameBytesMax,
    backpressureLimit: queueBytesMax,
    closeOnBackpressureLimit: true, // without it Bun drops messages in silence
    idleTimeout: 120,
    sendPings: true,
    perMessageDeflate: false, // Bun compresses per subscriber, not once
    publishToSelf: false,
    // A defect ends the connection it met, and not the process.
    error(error: Error, socket: ServerWebSocket<unknown>) {
      log?.error({ err: error }, "a connection failed");
      socket.close(errorTable.internal.close, "internal");
    },
  };
}

/** Puts the routes together. Nothing listens yet. */
export function createApp(parts: AppParts) {
  const { hub, log, house, streams, answerHeaders } = parts;
  const { guard, admission, measures } = house;
  const requests = new Requests(log, measures, admission);
  const app = new Elysia({
    // Elysia 1.4.30 looks for the path from the 8th sign of the URL on, or from the 12th with this
    // set. From the 8th it meets the second slash of "https://" and finds no wildcard route at all;
    // from the 12th it misses the slash behind "http://nas".
    handler: { standardHostname: parts.hasTls },
    websocket: toWebSocketOptions(parts, log),
  })
    .use(countRequests(requests))
    .use(failure(log, answerHeaders, (...failed) => requests.fail(...failed)))
    .use(withAnswerHeaders(answerHeaders))
    .onRequest(assertRoutable)
    .onRequest(({ request: { url } }) => {
      // Where others listen already, what still comes on an open connection is served like before.
      if (!isProbe(url) && !parts.drain.isReplaced) parts.drain.assertStaying();
    })
    .use(originGuard(parts.pageRules))
    .use(crossOrigin(parts.pageRules.origins))
    .use(openapi({ specPath: "/openapi.json", provider: null, documentation: describe(parts) }))
    .use(health({ ...parts, ...parts.overview }))
    .use(websocket(house))
    .use(echo({ admission, measures, drain: parts.drain }))
    .use(sse(streams, guard))
    .use(messages({ ...house, bodyLimits: parts.bodyLimits }))
    .use(signals({ ...house, bodyLimits: parts.bodyLimits }))
    .use(rooms(hub, guard, admission.shedding))
    .use(auth({ ...house, ...parts }))
    .use(admin({ ...house, ...parts, ...parts.overview }));
  for (const page of parts.pages) app.use(page);
  app.config.serve = { ...app.config.serve, routes: toStaticRoutes(app, answerHeaders) };
  return app;
}

/** Machines ask these until the end. */
function isProbe(url: string): boolean {
  return /^[^?#]*\/(livez|readyz|metrics)$/.test(url);
}

/** What a prober of an old kind may ask without naming a host. */
const hostless: ReadonlySet<string> = new Set(["/livez", "/readyz"]);

/**
 * Refuses what Elysia would route by a part of its path, past whatever guards the rest of it: with TLS
 * a host of one or two signs, and a request without a host, as HTTP/1.0 allows.
 */
function assertRoutable({ request: { url } }: { request: Request }): void {
  const isAbsolute = url.startsWith("http://") || url.startsWith("https://");
  if (!isAbsolute && !hostless.has(url)) {
    throw new PartylineError("bad_frame", "The request names no host.");
  }
  if (!url.startsWith("https://") || url.indexOf("/", 8) >= 11) return;
  throw new PartylineError("bad_frame", "The host's name is too short; it needs three signs.");
}

function describe({ version }: AppParts) {
  const description = "Rooms over WebSocket, Server-Sent Events and HTTP. The manual is at /docs.";
  return { info: { title: "Partyline", version, description } };
}
