/** The plugins in the order a request meets them. */

import { openapi } from "@elysiajs/openapi";
import type { ServerWebSocket } from "bun";
import { type AnyElysia, Elysia } from "elysia";
import type { Registry } from "prom-client";
import type { Hub } from "../hub/hub.ts";
import { errorTable } from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";
import type { ConnectionHouse } from "./connection.ts";
import { echo } from "./echo.ts";
import { failure } from "./failure.ts";
import { health, type Readiness } from "./health.ts";
import { messages } from "./messages.ts";
import { rooms } from "./rooms.ts";
import { type Streams, sse } from "./sse.ts";
import { websocket } from "./websocket.ts";

/** What the routes work with. */
export interface AppParts {
  readonly hub: Hub;
  readonly log: Log;
  readonly house: ConnectionHouse;
  readonly streams: Streams;
  readonly readiness: Readiness;
  readonly meters: () => Promise<Registry>;
  readonly version: string;
  readonly frameBytesMax: number;
  readonly queueBytesMax: number;
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
  const { hub, log, house, streams, frameBytesMax } = parts;
  const app = new Elysia({
    // With the default, a Host of up to three signs makes Elysia 1.4.30 route by a wrong path.
    handler: { standardHostname: false },
    websocket: toWebSocketOptions(parts, log),
  })
    .use(failure(log))
    .use(openapi({ specPath: "/openapi.json", provider: null, documentation: describe(parts) }))
    .use(health(parts.readiness, parts.meters))
    .use(websocket(house))
    .use(echo())
    .use(sse(streams))
    .use(messages(hub, { frameBytesMax }))
    .use(rooms(hub));
  for (const page of parts.pages) app.use(page);
  return app;
}

function describe({ version }: AppParts) {
  const description = "Rooms over WebSocket, Server-Sent Events and HTTP. The manual is at /docs.";
  return { info: { title: "Partyline", version, description } };
}
