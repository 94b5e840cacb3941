import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { join } from "node:path";
import { buildWebApp } from "../../public/build.ts";
import { type ConfigOverrides, defaultConfig } from "../../src/config.ts";
import { createServer } from "../../src/server.ts";
import { eventually } from "../support/poll.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
const files = join(folder.path, "files");
// Larger than what any socket buffers.
const content = Buffer.alloc(12_000_000, "partyline ");
mkdirSync(files, { recursive: true });
writeFileSync(join(files, "a b.bin"), content);
await buildWebApp(join(import.meta.dir, "..", "..", "dist", "web"));

const plain = await start({});
const secure = await start({ tlsSelfSigned: true });
const full = await start({ tlsSelfSigned: true, http3: true });
let roomCount = 0;

afterAll(async () => {
  await Promise.all([plain.server.stop(), secure.server.stop(), full.server.stop()]);
  folder[Symbol.dispose]();
});

async function start(overrides: ConfigOverrides) {
  const data = join(folder.path, `data-${Object.keys(overrides).length}`);
  // Without a key, no names but this machine's own and those of allowed origins are answered.
  const names = { host: "127.0.0.1", allowOrigin: "http://ab" };
  // The memory of the tests themselves is not the server's.
  const shared = { ...names, port: 0, data, files, logLevel: "error", memoryMax: 0 } as const;
  const server = createServer(defaultConfig({ ...shared, ...overrides }));
  const { url, port } = await server.start();
  return { server, url, port };
}

/** The DOM's types, which the web app needs, do not know Bun's options. */
const BunSocket = WebSocket as unknown as new (
  url: string,
  options: Bun.WebSocketOptions,
) => WebSocket;

interface Followed {
  readonly id: string;
  readonly content: unknown;
}

/** Follows a stream until `count` messages came, then lets go of it. */
async function follow(response: Response, count: number): Promise<Followed[]> {
  const messages: Followed[] = [];
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += Buffer.from(bytes).toString();
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const id = /^id: ?(.*)$/m.exec(part)?.[1];
      const data = /^data: ?(.*)$/m.exec(part)?.[1];
      if (id !== undefined && data !== undefined) messages.push({ ...JSON.parse(data), id });
    }
    if (messages.length >= count) break;
  }
  return messages;
}

const transports = [
  ["HTTP/1.1", plain.url, "http1.1"],
  ["HTTP/1.1 with TLS", secure.url, "http1.1"],
  ["HTTP/2", secure.url, "http2"],
  ["HTTP/1.1 beside HTTP/3", full.url, "http1.1"],
  ["HTTP/2 beside HTTP/3", full.url, "http2"],
  ["HTTP/3", full.url, "http3"],
] as const;

describe.each(transports)("over %s", (_, base, protocol) => {
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${base}${path}`, { ...init, protocol, tls: { rejectUnauthorized: false } });
  const publish = async (room: string, text: string) => {
    const response = await ask(`/rooms/${room}/messages`, { method: "POST", body: text });
    expect(response.status).toBe(201);
    return ((await response.json()) as { position: string }).position;
  };
  const observersOf = async (room: string) => {
    const response = await ask(`/rooms/${room}/members`);
    return ((await response.json()) as { observers: number }).observers;
  };
  const createRoom = () => `room-${++roomCount}`;

  test("a stream begins at once, brings what is published, and goes on where it was cut", async () => {
    const room = createRoom();
    const response = await ask(`/rooms/${room}/events`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const following = follow(response, 2);
    await eventually("an observer", async () => (await observersOf(room)) === 1);
    const first = await publish(room, "один");
    await publish(room, "two");
    const heard = await following;
    expect(heard.map((message) => message.content)).toEqual(["один", "two"]);
    expect(heard[0]?.id).toBe(first);
    const last = await publish(room, "three");
    const headers = { "last-event-id": first };
    const resumed = await follow(await ask(`/rooms/${room}/events`, { headers }), 2);
    expect(resumed.map((message) => message.content)).toEqual(["two", "three"]);
    expect(resumed[1]?.id).toBe(last);
  });

  test("a reader that leaves is noticed", async () => {
    const room = createRoom();
    const leaving = new AbortController();
    await ask(`/rooms/${room}/events`, { signal: leaving.signal });
    await eventually("an observer", async () => (await observersOf(room)) === 1);
    leaving.abort();
    await eventually("nobody", async () => (await observersOf(room)) === 0);
  });

  test("a file comes whole, and in part", async () => {
    const whole = await ask("/files/a%20b.bin");
    expect(Buffer.from(await whole.arrayBuffer()).equals(content)).toBe(true);
    const headers = {
      range: "bytes=5000000-11000000",
      "if-range": whole.headers.get("etag") ?? "",
    };
    const part = await ask("/files/a%20b.bin", { headers });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe("bytes 5000000-11000000/12000000");
    const bytes = Buffer.from(await part.arrayBuffer());
    expect(bytes.equals(content.subarray(5_000_000, 11_000_001))).toBe(true);
  });

  test("a request that is no WebSocket is told how to connect", async () => {
    for (const path of ["/ws", "/ws/echo"]) {
      const response = await ask(path);
      expect(response.status).toBe(426);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
    }
  });

  test("an address that is none is a problem", async () => {
    const response = await ask("/nowhere/at/all");
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "not_found" });
  });

  test("HTTP/3 is advertised by a server that speaks it, and by no other", async () => {
    const advertised = (await ask("/livez")).headers.get("alt-svc");
    if (base !== full.url) expect(advertised).toBeNull();
    else if (protocol !== "http3") expect(advertised).toContain(`h3=":${full.port}"`);
  });
});

describe("HTTP/2 by node's own client", () => {
  test.each([
    ["with TLS", secure.url],
    ["in clear text, by prior knowledge", plain.url],
  ])("works %s", async (_, base) => {
    const session = connect(base, { rejectUnauthorized: false });
    try {
      const ask = (path: string) =>
        new Promise<{ status: number; body: string }>((resolve, reject) => {
          const stream = session.request({ ":path": path, range: "bytes=0-8" });
          let status = 0;
          let body = "";
          stream.on("response", (headers) => {
            status = Number(headers[":status"]);
          });
          stream.setEncoding("utf8");
          stream.on("data", (text: string) => {
            body += text;
          });
          stream.on("end", () => resolve({ status, body }));
          stream.on("error", reject);
        });
      expect(await ask("/files/a%20b.bin")).toEqual({ status: 206, body: "partyline" });
      expect(await ask("/ws")).toMatchObject({ status: 426 });
      expect(await ask("/livez")).toMatchObject({ status: 200 });
    } finally {
      session.close();
    }
  });
});

test.each([
  ["TLS", secure.url],
  ["TLS beside HTTP/3", full.url],
])("a WebSocket works over %s", async (_, base) => {
  const room = `room-${++roomCount}`;
  const socket = new BunSocket(`${base.replace("https", "wss")}/ws`, {
    tls: { rejectUnauthorized: false },
  });
  const frames: { type: string; content?: unknown }[] = [];
  socket.onmessage = ({ data }) => frames.push(JSON.parse(String(data)));
  const has = (type: string) => () => frames.find((frame) => frame.type === type);
  await eventually("a welcome", has("welcome"));
  socket.send(JSON.stringify({ type: "join", room }));
  await eventually("to have joined", has("joined"));
  socket.send(JSON.stringify({ type: "message", room, content: "hello" }));
  await eventually("an ack", has("ack"));
  expect(await eventually("the message", has("message"))).toMatchObject({ content: "hello" });
  socket.close();
});

test("a host of two signs is refused where it would be routed by a wrong path", async () => {
  const headers = { host: "ab" };
  const tls = { rejectUnauthorized: false };
  const answer = await fetch(`${secure.url}/files/`, { headers, tls, protocol: "http1.1" });
  expect(answer.status).toBe(400);
  expect((await fetch(`${plain.url}/files/`, { headers })).status).toBe(200);
});
