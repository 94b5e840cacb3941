/** `GET /ws/echo`: every frame comes back byte for byte. For those who test a client or a proxy. */

import type { ServerWebSocket } from "bun";
import { Elysia } from "elysia";
import { upgrade } from "./upgrade.ts";

const handlers = {
  open() {},
  message(socket: ServerWebSocket<unknown>, data: string | Buffer) {
    socket.send(data);
  },
  drain() {},
  close() {},
};

export function echo() {
  return new Elysia({ name: "echo" }).get(
    "/ws/echo",
    ({ request, server }) => upgrade(server, request, handlers),
    { detail: { summary: "Echo every frame", tags: ["machines"] } },
  );
}
