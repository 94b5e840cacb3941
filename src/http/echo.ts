/** `GET /ws/echo`: every frame comes back byte for byte. For those who test a client or a proxy. */

import type { ServerWebSocket } from "bun";
import { Elysia } from "elysia";
import type { Pass } from "../limit/pass.ts";
import { errorTable } from "../protocol/errors.ts";
import type { Admission, Silent } from "./admission.ts";
import type { Drain, Leaver } from "./drain.ts";
import { upgrade } from "./upgrade.ts";

/** One connection. A frame too many ends it: there is no other way to tell. */
class EchoConnection implements Silent, Leaver {
  readonly #pass: Pass;
  readonly #admission: Admission;
  readonly #drain: Drain;
  readonly isLeaving = false;
  #socket: ServerWebSocket<unknown> | null = null;

  constructor(pass: Pass, admission: Admission, drain: Drain) {
    this.#pass = pass;
    this.#admission = admission;
    this.#drain = drain;
  }

  open(socket: ServerWebSocket<unknown>): void {
    this.#socket = socket;
    this.#admission.newcomers.add(this);
    this.#drain.others.add(this);
  }

  message(socket: ServerWebSocket<unknown>, data: string | Buffer): void {
    this.#admission.newcomers.remove(this);
    if (this.#pass.spend() > 0) socket.close(errorTable.too_many.close, "rate_limited");
    else socket.send(data, true); // compressed where whoever serves the plugin switched that on
  }

  drain(): void {}

  close(): void {
    this.#socket = null;
    this.#admission.newcomers.remove(this);
    this.#drain.others.delete(this);
    this.#pass.release();
  }

  /** It has no frame to tell a time by. */
  leaveForDrain(): void {
    this.#socket?.close(errorTable.draining.close, "draining");
  }

  hurry(): void {}

  leaveForSilence(): void {
    this.#socket?.close(1008, "no frame came");
  }
}

export function echo(admission: Admission, drain: Drain) {
  return new Elysia({ name: "echo" }).get(
    "/ws/echo",
    ({ request, server }) => {
      const pass = admission.connect(request, server, null);
      const refusal = upgrade(server, request, new EchoConnection(pass, admission, drain));
      if (refusal !== undefined) pass.release();
      return refusal;
    },
    { detail: { summary: "Echo every frame", tags: ["machines"] } },
  );
}
