/** `GET /ws`: rooms over WebSocket. */

import type { Server, ServerWebSocket } from "bun";
import { Elysia } from "elysia";
import { Pass } from "../limit/pass.ts";
import { errorTable, type PartylineError, toPartylineError } from "../protocol/errors.ts";
import { encodeFrame } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import { Connection } from "./connection.ts";
import { createConnectionId, type Identity } from "./guard.ts";
import { toArrival } from "./roll.ts";
import type { ConnectionHouse } from "./room-connection.ts";
import { upgrade } from "./upgrade.ts";

const subprotocol = "partyline.v1";
/** Milliseconds that a refused client has to close its side. */
const refusalMs = 1_000;

export function websocket(house: ConnectionHouse) {
  return new Elysia({ name: "websocket" }).get(
    "/ws",
    ({ request, server }) => connect(house, request, server),
    { detail: { summary: "Join rooms over WebSocket", tags: ["rooms"] } },
  );
}

async function connect(
  house: ConnectionHouse,
  request: Request,
  server: Server<unknown> | null,
): Promise<Response | undefined> {
  const { guard, admission } = house;
  const id = createConnectionId();
  let identity: Identity;
  try {
    identity = await guard.identify(request, id);
  } catch (thrown) {
    const error = toPartylineError(thrown);
    if (error.code !== "unauthenticated") throw thrown;
    house.measures.countError("websocket", error.code, undefined);
    // A browser cannot read the answer to a failed upgrade: a close code tells it to renew its token.
    const refusedPass = admission.connect(request, server, null);
    const failure = upgrade(server, request, refuse(error, refusedPass), subprotocol);
    if (failure !== undefined) refusedPass.release();
    return failure;
  }
  const user = identity.token === null ? null : identity.user.id;
  const admitted = admission.connect(request, server, user);
  const pass = admitted instanceof Pass ? admitted : await admitted;
  const connection = new Connection(id, identity, house, pass, toArrival(request, pass));
  if (identity.token === null && guard.authenticator.needsToken) {
    connection.tokenDueAt = Date.now() + limits.tokenWithinMs;
  }
  const refusal = upgrade(server, request, connection, subprotocol);
  if (refusal !== undefined) pass.release();
  return refusal;
}

/** The handlers of a connection that is told why, and closed. */
function refuse({ code, message }: PartylineError, pass: Pass) {
  return {
    open(socket: ServerWebSocket<unknown>) {
      socket.send(encodeFrame({ type: "error", code, message }));
      socket.close(errorTable.unauthenticated.close, code);
      // A client that does not close its side would keep the socket for a minute or two.
      setTimeout(() => {
        socket.terminate();
        pass.release();
      }, refusalMs);
    },
    message() {},
    drain() {},
    close() {},
  };
}
