/** A link over WebSocket. */

import type { binaryKind } from "../protocol/binary-frame.ts";
import { gone, type HttpCalls } from "./http-calls.ts";
import { LineError } from "./line-error.ts";
import type { Body, Hear, Link, Request } from "./link.ts";
import { toBytes } from "./reader.ts";

// Written out: the module that has it checks room names and limits, too, and is larger than this.
const signalKind: typeof binaryKind.signal = 2;

export type SocketClass = new (
  url: string,
  protocols: string[],
) => WebSocket & { terminate?(): void };

/**
 * Opens a WebSocket to the server that `http` calls.
 * @throws whatever the platform does when it lets no WebSocket be opened
 */
export function createSocketLink(Socket: SocketClass, http: HttpCalls, hear: Hear): Link {
  // A page can send no header along; a subprotocol stands in no address and in no log.
  const bearer = http.token ? [`bearer.${http.token}`] : [];
  const socket = new Socket(`${http.base.replace("http", "ws")}ws`, ["partyline.v1", ...bearer]);
  let frameBytesMax = Number.NaN; // nothing is above it
  /** An error that belongs to no request, when nothing came after it: it says why the server closes. */
  let told: LineError | undefined;
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    told = undefined;
    if (frame.type === "error") {
      frame.error = new LineError(frame.code, frame.message, frame.retryAfterMs);
      if (frame.ref === undefined) told = frame.error;
    }
    if (frame.type === "welcome") frameBytesMax = frame.limits.frameBytesMax;
    hear({ type: "pong" });
    hear(frame);
  };
  socket.onclose = ({ code }) => {
    hear({ type: "lost", error: told ?? (code === 1009 ? tooLarge() : gone()) });
  };
  socket.onerror = () => {}; // a close follows; and "ws" throws where nobody hears this
  const send = (request: Request): void => {
    const { type, ref } = request;
    const { body, ...fields } = request as Request & { body?: Body };
    const isBytes = body instanceof Uint8Array;
    // A binary frame has no id, by which a second try would be known.
    if (type === "read" || (type === "message" && isBytes)) return http.ask(request, hear);
    const json = JSON.stringify(fields);
    const text = body ? `{"content":${body},${json.slice(1)}` : json;
    const frame = isBytes && type === "signal" ? toFrame(request.room, body) : text;
    // The server would close the connection, and whatever else is on its way would be lost with it.
    if (new Blob([frame as string]).size > frameBytesMax) {
      // Later, as whatever the server says.
      queueMicrotask(() => hear({ type: "error", ref, error: tooLarge() }));
    } else if (socket.readyState === 1) socket.send(frame as string);
  };
  return {
    transport: "websocket",
    send,
    ping() {
      send({ type: "ping" });
      return true;
    },
    close(isDead) {
      if (isDead && socket.terminate) socket.terminate();
      else socket.close();
    },
  };
}

function tooLarge(): LineError {
  return new LineError("too_large", "It is too large.");
}

/** Writes a binary frame. */
function toFrame(room: string, payload: Uint8Array): Uint8Array {
  return new Uint8Array([signalKind, room.length, ...toBytes(room), ...payload]);
}
