import { expect, test } from "bun:test";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { Tcp, toFrame } from "../support/tcp.ts";

const room = "price-gold";
const content = "x".repeat(64_000);
const messages = 300; // 19 MB: far more than a queue and all that the kernel takes

interface Heard {
  readonly type: string;
  readonly room: string;
  readonly reason: string;
  readonly from: string;
  readonly to: string;
  readonly position: string;
}

/** Server frames or events in raw bytes, as far as they are whole: each is one line of JSON. */
function read(text: string): Heard[] {
  const found = text.matchAll(
    /\{"type":"(?:message|gap|joined)","(?:ref|room)":.*?\}(?=[^,}\]"]|$)/gs,
  );
  return [...found].flatMap(([json]) => {
    try {
      return [JSON.parse(json) as Heard];
    } catch {
      return []; // it is not whole yet
    }
  });
}

const offsetOf = (position: string) => Number(position.split(":")[1]);

/** Checks that a reader was told of every message, or of a gap in its place. */
function assertContiguous(heard: readonly Heard[], from: number): { gaps: number; last: number } {
  let [at, gaps] = [from, 0];
  for (const each of heard) {
    if (each.type === "message") {
      expect(offsetOf(each.position)).toBe(at + 1);
      at += 1;
    } else if (each.type === "gap") {
      expect([each.reason, offsetOf(each.from)]).toEqual(["trimmed", at]);
      expect(offsetOf(each.to)).toBeGreaterThan(at);
      at = offsetOf(each.to);
      gaps += 1;
    }
  }
  return { gaps, last: at };
}

const transports = {
  async WebSocket(server: TestServer) {
    const tcp = new Tcp(server.port);
    tcp.upgrade("/ws", "Upgrade: websocket", "Connection: Upgrade");
    await tcp.match(/welcome/);
    tcp.write(toFrame(1, Buffer.from(JSON.stringify({ type: "join", room }))));
    await tcp.match(/"joined"/);
    return tcp;
  },
  async SSE(server: TestServer) {
    const tcp = new Tcp(server.port);
    tcp.request(`GET /rooms/${room}/events HTTP/1.1`);
    await tcp.match(/\nid: /);
    return tcp;
  },
};

test.each(Object.entries(transports))(
  "a reader over %s that is behind skips to the newest message, and is told so",
  async (_, open) => {
    await using server = await TestServer.start({ slowReader: "drop-to-latest:price-*" });
    using slow = await open(server);
    slow.socket.pause();
    const quick = await server.connect();
    await quick.join(room);
    for (let sent = 1; sent <= messages; sent += 1) {
      quick.send({ type: "message", room, content, ref: sent });
      if (sent % 10 === 0) await quick.next("ack", ({ ref }) => ref === sent);
    }
    await eventually("all messages", () => quick.all("message").length === messages);
    slow.socket.resume();
    const heard = await eventually("the newest message", () => {
      const all = read(slow.text);
      const newest = all.findLast(({ type }) => type === "message");
      return newest !== undefined && offsetOf(newest.position) === messages ? all : null;
    });
    const { gaps, last } = assertContiguous(heard, 0);
    expect([gaps, last]).toEqual([1, messages]);
    expect(heard.filter(({ type }) => type === "message").length).toBeLessThan(messages);
    // Not a mark is left of it: it reads live again.
    await server.publish(room, "after");
    await slow.match(/"content":"after"/);
    expect(slow.isClosed).toBe(false);
    expect(quick.all("gap")).toEqual([]);
  },
);

test("a reader that is behind in other rooms is cut as before, and resumes without a gap", async () => {
  await using server = await TestServer.start({ slowReader: "drop-to-latest:score-*" });
  let rounds = 0;
  for (const open of Object.values(transports)) {
    using slow = await open(server);
    slow.socket.pause();
    const writer = await server.connect();
    await writer.join(room);
    for (let sent = 1; sent <= messages; sent += 1) {
      writer.send({ type: "message", room, content, ref: sent });
      if (sent % 10 === 0) await writer.next("ack", ({ ref }) => ref === sent);
    }
    await writer.ask({ type: "leave", room });
    await eventually("the cut", async () => {
      const { memberCount, observers } = await server.json(`/rooms/${room}/members`);
      return memberCount + observers === 0;
    });
    slow.socket.resume();
    await eventually("its end", () => slow.isClosed || slow.text.endsWith("\r\n0\r\n\r\n"));
    const told = read(slow.text).filter(({ type }) => type === "message");
    const since = told.at(-1)?.position ?? "";
    rounds += 1;
    const missing = rounds * messages - offsetOf(since);
    expect(missing).toBeGreaterThan(0);
    const back = await server.connect();
    await back.join(room, { since });
    await eventually("what it missed", () => back.all("message").length === missing);
    const offsets = back.all("message").map(({ position }) => offsetOf(position));
    expect(offsets).toEqual(
      Array.from({ length: missing }, (_, index) => offsetOf(since) + 1 + index),
    );
    expect(back.all("gap")).toEqual([]);
    await back.ask({ type: "leave", room });
  }
  const metrics = await (await server.fetch("/metrics")).text();
  expect(metrics).toMatch(/^partyline_slow_readers_total.*websocket.* 1$/m);
  expect(metrics).toMatch(/^partyline_slow_readers_total.*sse.* 1$/m);
});
