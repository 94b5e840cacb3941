/** `GET /ws/echo`: every frame comes back byte for byte. For those who test a client or a proxy. */

import type { ServerWebSocket } from "bun";
import { Elysia } from "elysia";
import type { Pass } from "../limit/pass.ts";
import { errorTable } from "../protocol/errors.ts";
import type { Admission, Silent } from "./admission.ts";
import { upgrade } from "./upgrade.ts";

/** One connection. A frame too many ends it: there is no other way to tell. */
class EchoConnection implements Silent {
  readonly #pass: Pass;
  readonly #admission: Admission;
  #socket: ServerWebSocket<unknown> | null = null;

  constructor(pass: Pass, admission: Admission) {
    this.#pass = pass;
    this.#admission = admission;
  }

  open(socket: ServerWebSocket<unknown>): void {
    this.#socket = socket;
    this.#admission.newcomers.add(this);
  }

  message(socket: ServerWebSocket<unknown>, data: string | Buffer): void {
    this.#admission.newcomers.remove(this);
    if (this.#pass.spend() > 0) socket.close(errorTable.too_many.close, "rate_limited");
    else socket.send(data);
  }

  drain(): void {}

  close(): void {
    this.#socket = null;
    this.#admission.newcomers.remove(this);
    this.#pass.release();
  }

  leaveForSilence(): void {
    this.#socket?.close(1008, "no frame came");
  }
}

export function echo(admission: Admission) {
  return new Elysia({ name: "echo" }).get(
    "/ws/echo",
    ({ request, server }) => {
      const pass = admission.connect(request, server, null);
      const refusal = upgrade(server, request, new EchoConnection(pass, admission));
      if (refusal !== undefined) pass.release();
      return refusal;
    },
    { detail: { summary: "Echo every frame", tags: ["machines"] } },
  );
}
