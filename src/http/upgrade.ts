/** HTTP/1.1 request → WebSocket. */

import type { Server, ServerWebSocket } from "bun";
import { PartylineError, toProblem } from "../protocol/errors.ts";

/** What Elysia's dispatcher calls on `ws.data`, straight from Bun. */
export interface SocketHandlers {
  open(socket: ServerWebSocket<unknown>): void;
  message(socket: ServerWebSocket<unknown>, data: string | Buffer): void;
  drain(socket: ServerWebSocket<unknown>): void;
  close(socket: ServerWebSocket<unknown>, code: number, reason: string): void;
}

/**
 * Hands the connection over to `handlers`. Returns undefined when that worked, else the answer.
 * `subprotocol` is chosen if the client offers it. Left to itself Bun 1.4.5 chooses whatever was
 * offered first; an empty header keeps it from choosing.
 */
export function upgrade(
  server: Server<unknown> | null,
  request: Request,
  handlers: SocketHandlers,
  subprotocol?: string,
): Response | undefined {
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const isOffered = offered.some((each) => each.trim() === subprotocol);
  const headers = { "sec-websocket-protocol": isOffered ? (subprotocol ?? "") : "" };
  if (server?.upgrade(request, { data: handlers, headers })) return undefined;
  // HTTP/2 and HTTP/3 have no upgrade, and neither has a plain GET.
  const text = "Connect here by WebSocket, over HTTP/1.1.";
  const problem = { ...toProblem(new PartylineError("bad_frame", text)), status: 426 };
  return Response.json(problem, {
    status: 426,
    headers: {
      "content-type": "application/problem+json",
      connection: "Upgrade",
      upgrade: "websocket",
    },
  });
}
