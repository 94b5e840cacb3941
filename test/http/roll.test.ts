import { afterAll, afterEach, expect, spyOn, test } from "bun:test";
import type { ConfigOverrides } from "../../src/config.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { Tcp } from "../support/tcp.ts";
import { connectAs, createToken, withTokens } from "../support/tokens.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const span = "b7ad6b7169203331";
const traceparent = `00-${trace}-${span}-01`;

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

const lines: Line[] = [];
const write = spyOn(process.stderr, "write").mockImplementation((line) => {
  lines.push(JSON.parse(String(line)));
  return true;
});
afterEach(() => {
  lines.length = 0;
});
afterAll(() => write.mockRestore());

function start(overrides: ConfigOverrides = {}): Promise<TestServer> {
  return TestServer.start({ logLevel: "debug", logFormat: "json", ...overrides });
}

const find = (msg: string, fields: object = {}) =>
  eventually(`a line "${msg}"`, () =>
    lines.find((line) => {
      const isMeant = ([name, value]: [string, unknown]) => line[name] === value;
      return line.msg === msg && Object.entries(fields).every(isMeant);
    }),
  );

test("a WebSocket that ends leaves one line that says who it was, and what went through", async () => {
  await using server = await start(withTokens);
  const token = await createToken({ sub: "alice", rooms: { "*": ["read", "write", "presence"] } });
  const client = await connectAs(server.socketUrl, token);
  await client.join("hall");
  await client.join("den");
  await client.ask({ type: "message", room: "hall", content: "hello" });
  client.send({ type: "leave", room: "den" });
  await client.next("left");
  const { connection } = client.frames[0] ?? {};
  client.close();
  const line = await find("connection ended");
  expect(line).toEqual({
    level: "info",
    time: expect.any(String),
    msg: "connection ended",
    connection,
    transport: "websocket",
    user: "alice",
    address: "127.0.0.1",
    ms: expect.any(Number),
    ...{ rooms: 2, messagesIn: 1, messagesOut: 1 },
    ...{ bytesIn: expect.any(Number), bytesOut: expect.any(Number) },
    code: 1005,
  });
  expect(line.bytesIn).toBeGreaterThan(50);
  expect(line.ms).toBeLessThan(60_000);
  const moved = lines.filter(({ msg }) => msg.startsWith("room "));
  const rooms = moved.map(({ msg, room, user }) => `${user} ${msg} ${room}`);
  expect(rooms).toEqual([
    ...["alice room joined hall", "alice room joined den"],
    ...["alice room left den", "alice room left hall"],
  ]);
  expect(lines.filter(({ msg }) => msg === "connection ended")).toHaveLength(1);
});

test("a stream that ends leaves one, too, with the trace that it was a part of", async () => {
  await using server = await start();
  const abort = new AbortController();
  const headers = { traceparent };
  const response = await server.fetch("/rooms/hall/events", { headers, signal: abort.signal });
  await response.body?.getReader().read();
  abort.abort();
  expect(await find("connection ended")).toMatchObject({
    ...{ level: "info", transport: "sse", address: "127.0.0.1", rooms: 1, trace, span },
    ...{ user: expect.stringMatching(/^~/), messagesIn: 0, bytesIn: 0 },
  });
  expect(lines.find(({ msg }) => msg === "connection ended")).not.toContainKey("reason");
});

test("the server's own reason is told, and what a client says in closing is not", async () => {
  await using hasty = await start({ speakWithinMs: 50 });
  const silent = await hasty.connect();
  expect((await silent.end()).code).toBe(1008);
  expect(await find("connection ended")).toMatchObject({ code: 1008, reason: "no frame came" });
  lines.length = 0;
  await using server = await start();
  const socket = new WebSocket(server.socketUrl);
  await new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
  socket.close(4_000, "level=error forged");
  expect(await find("connection ended")).toMatchObject({ code: 4_000 });
  expect(JSON.stringify(lines)).not.toContain("forged");
});

test("a request leaves a line with its trace, and one that breaks the grammar is ignored", async () => {
  await using server = await start();
  const paths = [
    ["/rooms/hall", 200, "hall"],
    ["/rooms/%20", 400, " "],
    ["/nothing?access_token=secret", 404, undefined],
  ] as const;
  for (const [path, status, room] of paths) {
    lines.length = 0;
    await server.fetch(path, { headers: { traceparent } });
    const line = await find("request");
    const [bare] = path.split("?", 1);
    const expected = { level: "debug", method: "GET", path: bare, status, trace, span };
    expect(line).toMatchObject({ ...expected, address: "127.0.0.1" });
    expect(line.room).toBe(room);
  }
  lines.length = 0;
  const evil = `00-${trace}-${span}-01\t"forged`;
  await server.fetch("/rooms/hall", { headers: { traceparent: evil } });
  expect(await find("request")).not.toContainKeys(["trace", "span"]);
  expect(JSON.stringify(lines)).not.toContain("forged");
});

test("a WebSocket's request stands there with status 101, and its frames' trace is its own", async () => {
  await using server = await start();
  using tcp = new Tcp(server.port);
  tcp.request(
    "GET /ws HTTP/1.1",
    ...["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"],
    ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", `traceparent: ${traceparent}`],
  );
  await tcp.match(/welcome/);
  expect(await find("request", { path: "/ws" })).toMatchObject({ status: 101, trace, span });
  tcp[Symbol.dispose]();
  expect(await find("connection ended")).toMatchObject({ code: 1006, trace, span });
});

test("without debug only ends are told, and nothing at all of requests", async () => {
  await using server = await start({ logLevel: "info" });
  await server.fetch("/rooms/hall");
  await server.publish("hall", 1);
  const client = await server.connect();
  await client.join("hall");
  client.close();
  await find("connection ended");
  expect(lines.map(({ msg }) => msg)).toEqual(["connection ended"]);
});
