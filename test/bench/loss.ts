/** One packet in ten is lost, on TCP and on QUIC: every reader gets every message, in order, once. */

import { createParser } from "eventsource-parser";
import { eventually } from "../support/poll.ts";
import { ReaderLog } from "../support/reader-log.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { startChild } from "./child.ts";
import { dropPackets } from "./packet-loss.ts";
import { count, type Finding, present } from "./report.ts";

const room = "general";
const lossPercent = 10;
const durationMs = 30_000;
const publishMs = 50;
/** How often each reader is cut besides: a line that never breaks shows little. */
const cutMs = 6_000;
const settleMs = 60_000;
const protocols = ["http1.1", "http2", "http3"] as const;
type Protocol = (typeof protocols)[number];

process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"; // its certificate is made for this run

/** Publishers and readers on every protocol while the system drops packets of the server's port. */
export async function loss(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  const config = { data: folder.path, tlsSelfSigned: true, http3: true };
  using child = await startChild("partyline-server.ts", { config });
  const url = `https://127.0.0.1:${child.port}`;
  const stop = new AbortController();
  const logs = protocols.map((protocol) => new ReaderLog(protocol));
  const webSocketLog = new ReaderLog("WebSocket");
  const readers = logs.map((log, index) =>
    follow(url, protocols[index] ?? "http1.1", log, stop.signal),
  );
  readers.push(followSocket(url, webSocketLog, stop.signal));
  const all = [...logs, webSocketLog];
  await eventually("all readers", () => all.every(({ offset }) => offset !== null), settleMs);
  const acknowledged: string[] = [];
  {
    using _ = dropPackets(child.port, lossPercent);
    const until = performance.now() + durationMs;
    await Promise.all(
      protocols.map((protocol) => write(url, protocol, until, (id) => acknowledged.push(id))),
    );
    const isWhole = () => all.every(({ received }) => received >= acknowledged.length);
    await eventually("every message", isWhole, settleMs).catch(() => {});
  }
  stop.abort();
  await Promise.all(readers);
  return all.map(({ name, failure, ids, gaps }) => {
    const missing = acknowledged.filter((id) => !ids.includes(id)).length;
    const twice = ids.length - new Set(ids).size;
    return {
      what: `${name} under ${lossPercent} % loss, cut every ${cutMs / 1_000} s`,
      target: "all, in order, once",
      measured:
        failure?.message ??
        `${count(ids.length)} of ${count(acknowledged.length)}, ${missing} missing, ${twice} twice`,
      isMet: failure === null && missing === 0 && twice === 0 && gaps.length === 0,
    };
  });
}

/** Publishes one message after the other, each until it is acknowledged. */
async function write(
  url: string,
  protocol: Protocol,
  until: number,
  onStored: (id: string) => void,
): Promise<void> {
  for (let index = 0; performance.now() < until; index += 1) {
    const id = `${protocol}-${index}`;
    const body = JSON.stringify({ content: { index }, id });
    const headers = { "content-type": "application/json" };
    for (;;) {
      const signal = AbortSignal.timeout(10_000);
      const init = { method: "POST", protocol, headers, body, signal };
      const answer = await fetch(`${url}/rooms/${room}/messages`, init).catch(() => null);
      if (answer?.ok) break;
      await Bun.sleep(100);
    }
    onStored(id);
    await Bun.sleep(publishMs);
  }
}

/** Follows the room by SSE, coming back with its position after each cut. */
async function follow(
  url: string,
  protocol: Protocol,
  log: ReaderLog,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted && log.failure === null) {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(cutMs)]);
    const parser = createParser({
      onEvent: ({ event, data }) => {
        const frame = JSON.parse(data);
        if (event === "gap") log.gap(frame);
        else if (event === undefined) log.message(frame.position, frame.id);
      },
    });
    try {
      const since = `since=${encodeURIComponent(log.since("start"))}`;
      const response = await fetch(`${url}/rooms/${room}/events?${since}`, { protocol, signal });
      const decoder = new TextDecoder();
      for await (const bytes of response.body ?? []) {
        const text = decoder.decode(bytes, { stream: true });
        const [, position] = /^id: (.*)\n\n/m.exec(text) ?? [];
        if (log.offset === null && position !== undefined) log.stand(position);
        parser.feed(text);
      }
    } catch {
      // Cut, by the loss or by us; what breaks the promise is kept in the log.
    }
  }
}

async function followSocket(url: string, log: ReaderLog, stop: AbortSignal): Promise<void> {
  while (!stop.aborted && log.failure === null) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`) as WebSocket & {
      terminate(): void;
    };
    const timer = setTimeout(() => socket.terminate(), cutMs);
    const end = () => socket.terminate();
    stop.addEventListener("abort", end);
    socket.onopen = () =>
      socket.send(JSON.stringify({ type: "join", room, since: log.since("start") }));
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "gap") log.gap(frame);
      else if (frame.type === "joined" && log.offset === null) log.stand(frame.position);
      else if (frame.type === "message") log.message(frame.position, frame.id);
    };
    socket.onclose = () => resolve();
    await promise;
    clearTimeout(timer);
    stop.removeEventListener("abort", end);
    await Bun.sleep(50); // a refused socket must not spin
  }
}

if (import.meta.main) await present([loss]);
