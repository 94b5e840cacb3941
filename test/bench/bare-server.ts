/** The fastest that Bun alone can be: it does nothing but hand on frames of a given size. */

import { answerFrom } from "./instruments.ts";

/** What the parent gives. `stream` is the kind of push stream that `/events` answers with. */
export interface BareOptions {
  /** Bytes of the frame, or event, that goes out for each one that comes in. */
  readonly frameBytes: number;
  readonly stream: "direct" | "default";
}

const { frameBytes, stream }: BareOptions = JSON.parse(process.argv[2] ?? "{}");
const frame = `{"type":"message","pad":"`.padEnd(frameBytes - 2, "x").concat('"}');
const event = `id: epoch:1\ndata: {"pad":"`.padEnd(frameBytes - 4, "x").concat('"}\n\n');
/** A request that is shorter than any message is a join. */
const joinBytesMax = 64;
const encoder = new TextEncoder();
const headers = { "content-type": "text/event-stream; charset=utf-8" };

const sinks = new Set<(bytes: Uint8Array) => void>();
let eventsDue = 0;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 255,
  routes: {
    "/events": () =>
      new Response(stream === "direct" ? directStream() : defaultStream(), { headers }),
  },
  fetch: (request, served) => (served.upgrade(request) ? undefined : new Response("ok")),
  websocket: {
    idleTimeout: 120,
    backpressureLimit: 4_194_304,
    closeOnBackpressureLimit: true,
    message(socket, request) {
      if (request.length < joinBytesMax) {
        socket.subscribe("room");
        socket.send('{"type":"joined"}');
        return;
      }
      server.publish("room", frame);
      if (sinks.size > 0) sendEventLater();
    },
  },
});
answerFrom(server.port ?? 0, false);

/** Joins what one turn of the event loop brought into one buffer for all. */
function sendEventLater(): void {
  eventsDue += 1;
  if (eventsDue > 1) return;
  setImmediate(() => {
    const bytes = encoder.encode(event.repeat(eventsDue));
    eventsDue = 0;
    for (const sink of sinks) sink(bytes);
  });
}

function defaultStream(): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(":\n\n"));
      sinks.add((bytes) => controller.enqueue(bytes));
    },
  });
}

function directStream(): ReadableStream {
  const source = {
    type: "direct",
    pull(sink: { write(bytes: Uint8Array): unknown }) {
      sink.write(encoder.encode(":\n\n"));
      sinks.add((bytes) => void sink.write(bytes));
      return new Promise<void>(() => {});
    },
  };
  // Direct streams are Bun's own; the DOM's types do not know them.
  return new ReadableStream(source as unknown as UnderlyingSource);
}
