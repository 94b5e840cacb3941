/** A link over WebSocket. */

import type { binaryKind } from "../protocol/binary-frame.ts";
import { gone, type HttpCalls } from "./http-calls.ts";
import { LineError } from "./line-error.ts";
import type { Body, Hear, Link, Request } from "./link.ts";

// Written out: the module that has it checks room names and limits, too, and is larger than this.
const signalKind: typeof binaryKind.signal = 2;

export type SocketClass = new (
  url: string,
  protocols: string[],
) => WebSocket & { terminate?(): void };

export class SocketLink implements Link {
  readonly transport = "websocket";
  readonly #http: HttpCalls;
  readonly #hear: Hear;
  readonly #socket: InstanceType<SocketClass>;
  /** Undefined as long as the server has not told. */
  #frameBytesMax: number | undefined;
  /** An error that belongs to no request, when nothing came after it: it says why the server closes. */
  #told: LineError | undefined;

  /** @throws whatever the platform does when it lets no WebSocket be opened */
  constructor(Socket: SocketClass, http: HttpCalls, hear: Hear) {
    this.#http = http;
    this.#hear = hear;
    // A page can send no header along; a subprotocol stands in no address and in no log.
    const bearer = http.token ? [`bearer.${http.token}`] : [];
    const socket = new Socket(`${http.base.replace("http", "ws")}ws`, ["partyline.v1", ...bearer]);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = ({ code }) => {
      const error = code === 1009 ? new LineError("too_large", "It is too large.") : gone();
      hear({ type: "lost", error: this.#told ?? error });
    };
    socket.onerror = () => {}; // a close follows; and "ws" throws where nobody hears this
  }

  send(request: Request): void {
    const { type } = request;
    const { body, ...fields } = request as Request & { body?: Body };
    const isBytes = body instanceof Uint8Array;
    // A binary frame has no id, by which a second try would be known.
    if (type === "read" || (type === "message" && isBytes)) {
      return this.#http.ask(request, this.#hear);
    }
    const json = JSON.stringify(fields);
    const text = body ? `{"content":${body},${json.slice(1)}` : json;
    const frame = isBytes && type === "signal" ? toFrame(request.room, body) : text;
    // The server would close the connection, and whatever else is on its way would be lost with it.
    if (frame.length > Number(this.#frameBytesMax)) {
      const error = new LineError("too_large", "It is too large.");
      this.#hear({ type: "error", ref: request.ref, error });
    } else if (this.#socket.readyState === 1) this.#socket.send(frame as string);
  }

  ping(): boolean {
    this.send({ type: "ping" });
    return true;
  }

  close(isDead: boolean): void {
    const socket = this.#socket;
    if (isDead && socket.terminate) socket.terminate();
    else socket.close();
  }

  #take(data: string): void {
    const frame = JSON.parse(data);
    this.#told = undefined;
    if (frame.type === "error") {
      frame.error = new LineError(frame.code, frame.message, frame.retryAfterMs);
      if (frame.ref === undefined) this.#told = frame.error;
    }
    if (frame.type === "welcome") this.#frameBytesMax = frame.limits.frameBytesMax;
    this.#hear({ type: "pong" });
    this.#hear(frame);
  }
}

/** Writes a binary frame. */
function toFrame(room: string, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + room.length + payload.length);
  frame.set([signalKind, room.length, ...new TextEncoder().encode(room)]);
  frame.set(payload, 2 + room.length);
  return frame;
}
