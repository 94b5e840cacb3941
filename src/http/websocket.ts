/** `GET /ws`: rooms over WebSocket. */

import { Elysia } from "elysia";
import { Connection, type ConnectionHouse } from "./connection.ts";
import { createConnectionId, identifyAnonymous } from "./guard.ts";
import { upgrade } from "./upgrade.ts";

const subprotocol = "partyline.v1";

export function websocket(house: ConnectionHouse) {
  return new Elysia({ name: "websocket" }).get(
    "/ws",
    ({ request, server }) => {
      const id = createConnectionId();
      const connection = new Connection(id, identifyAnonymous(id), house);
      return upgrade(server, request, connection, subprotocol);
    },
    { detail: { summary: "Join rooms over WebSocket", tags: ["rooms"] } },
  );
}
