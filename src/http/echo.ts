/** `GET /ws/echo`: every frame comes back byte for byte. For those who test a client or a proxy. */

import type { ServerWebSocket } from "bun";
import { Elysia } from "elysia";
import type { Pass } from "../limit/pass.ts";
import { errorTable } from "../protocol/errors.ts";
import type { Measures } from "../telemetry/measures.ts";
import type { Admission, Silent } from "./admission.ts";
import type { Drain, Leaver } from "./drain.ts";
import { upgrade } from "./upgrade.ts";

/** What an echo needs of the house. */
interface EchoHouse {
  readonly admission: Admission;
  readonly measures: Pick<Measures, "countError">;
  readonly drain: Drain;
}

/** One connection. A frame too many ends it: there is no other way to tell. */
class EchoConnection implements Silent, Leaver {
  readonly #pass: Pass;
  readonly #house: EchoHouse;
  readonly isLeaving = false;
  #socket: ServerWebSocket<unknown> | null = null;

  constructor(pass: Pass, house: EchoHouse) {
    this.#pass = pass;
    this.#house = house;
  }

  open(socket: ServerWebSocket<unknown>): void {
    this.#socket = socket;
    this.#house.admission.newcomers.add(this);
    this.#house.drain.others.add(this);
  }

  message(socket: ServerWebSocket<unknown>, data: string | Buffer): void {
    const { admission, measures } = this.#house;
    admission.newcomers.remove(this);
    if (this.#pass.spend() === 0) {
      socket.send(data, true); // compressed where whoever serves the plugin switched that on
      return;
    }
    measures.countError("websocket", "rate_limited", "messages-per-second");
    socket.close(errorTable.too_many.close, "rate_limited");
  }

  drain(): void {}

  close(): void {
    this.#socket = null;
    this.#house.admission.newcomers.remove(this);
    this.#house.drain.others.delete(this);
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

export function echo(house: EchoHouse) {
  return new Elysia({ name: "echo" }).get(
    "/ws/echo",
    ({ request, server }) => {
      const pass = house.admission.connect(request, server, null);
      const refusal = upgrade(server, request, new EchoConnection(pass, house));
      if (refusal !== undefined) pass.release();
      return refusal;
    },
    { detail: { summary: "Echo every frame", tags: ["machines"] } },
  );
}
