/** One way of reading a room for each transport, all with the same face. */

import { createParser } from "eventsource-parser";
import type { ReaderLog } from "./reader-log.ts";

/** A way to read a room. `url` is that of the server. */
export interface Transport {
  readonly name: string;
  /** True when messages come by themselves; else the reader asks again and again. */
  readonly isLive: boolean;
  /**
   * Reads a room into `log` from where that stands, `fallback` if nowhere. Resolves when it is cut,
   * by `signal` or from the other side; never rejects for either.
   */
  visit(
    url: string,
    room: string,
    log: ReaderLog,
    signal: AbortSignal,
    fallback?: "start" | "end",
  ): Promise<void>;
}

/** Reads over WebSocket. */
export const overWebSocket: Transport = {
  name: "WebSocket",
  isLive: true,
  visit(url, room, log, signal, fallback = "end") {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`) as WebSocket & {
      terminate(): void;
    };
    let gapPosition: string | null = null;
    socket.onopen = () => {
      const since = log.offset === null && fallback === "end" ? undefined : log.since(fallback);
      socket.send(JSON.stringify({ type: "join", room, since }));
    };
    socket.onmessage = ({ data }) => {
      if (signal.aborted || log.failure !== null) return;
      const frame = JSON.parse(data);
      if (frame.room !== room) return;
      if (frame.type === "gap") {
        log.gap(frame);
        if (gapPosition !== null) log.stand(gapPosition);
        gapPosition = null;
      } else if (frame.type === "joined") {
        const isGapNext = !frame.recovered && log.offset !== null;
        if (isGapNext) gapPosition = frame.position;
        else log.stand(frame.position);
      } else if (frame.type === "message") {
        log.message(frame.position, frame.id);
      }
    };
    socket.onclose = () => resolve();
    socket.onerror = () => resolve();
    const cut = () => {
      socket.terminate();
      resolve();
    };
    if (signal.aborted) cut();
    else signal.addEventListener("abort", cut, { once: true });
    return promise;
  },
};

/** Reads over Server-Sent Events, as a browser's EventSource would remember its place. */
export const overEventStream: Transport = {
  name: "SSE",
  isLive: true,
  async visit(url, room, log, signal, fallback = "end") {
    const parser = createParser({
      onEvent: ({ event, id, data }) => {
        const frame = JSON.parse(data);
        if (event === "gap") log.gap(frame);
        if (event !== undefined) return;
        log.message(frame.position, frame.id);
        if (id !== frame.position) throw new Error(`the id ${id} is not ${frame.position}`);
      },
    });
    let text = "";
    try {
      const headers = new Headers();
      if (log.offset !== null) headers.set("last-event-id", log.since());
      const path = `/rooms/${encodeURIComponent(room)}/events?since=${fallback}`;
      const response = await fetch(`${url}${path}`, { headers, signal });
      const decoder = new TextDecoder();
      for await (const bytes of response.body ?? []) {
        if (signal.aborted || log.failure !== null) return;
        const chunk = decoder.decode(bytes, { stream: true });
        if (log.offset === null) {
          // The block that only sets the id comes before all else; it may come in pieces.
          text += chunk;
          const [, position] = /^id: (.*)\n\n/m.exec(text) ?? [];
          if (position === undefined) continue;
          log.stand(position);
          parser.feed(text);
        } else {
          parser.feed(chunk);
        }
      }
    } catch {
      // Cut: by the signal, by a server that stopped, or for a failure that the log keeps.
    }
  },
};

/** Reads over HTTP, page by page, again and again. */
export const overPaging: Transport = {
  name: "HTTP paging",
  isLive: false,
  async visit(url, room, log, signal, fallback = "end") {
    try {
      while (!signal.aborted && log.failure === null) {
        const since = encodeURIComponent(log.since(fallback));
        const path = `/rooms/${encodeURIComponent(room)}/messages?since=${since}&limit=100`;
        const page = await (await fetch(`${url}${path}`, { signal })).json();
        if (page.gap !== undefined) log.gap(page.gap);
        for (const { position, id } of page.messages) log.message(position, id);
        log.stand(page.position);
        if (!page.more) await Bun.sleep(5);
      }
    } catch {
      // As above.
    }
  },
};

export const transports: readonly Transport[] = [overWebSocket, overEventStream, overPaging];
