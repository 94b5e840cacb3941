import { expect, test } from "bun:test";
import { Client } from "./client.ts";
import { EventReader } from "./event-reader.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { eventually } from "./poll.ts";
import { TestServer } from "./server.ts";
import { Tcp } from "./tcp.ts";

/** Sends back what it receives; counts its connections. */
function startEcho() {
  const seen = { open: 0, bytes: 0, reads: 0 };
  const waiting = new Map<object, Uint8Array[]>();
  const flush = (socket: Bun.Socket<undefined>) => {
    const chunks = waiting.get(socket) ?? [];
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      const written = Math.max(0, socket.write(chunk));
      if (written < chunk.length) {
        chunks.unshift(chunk.subarray(written));
        return;
      }
    }
  };
  const listener = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        seen.open += 1;
        waiting.set(socket, []);
      },
      data: (socket, bytes) => {
        seen.bytes += bytes.length;
        seen.reads += 1;
        waiting.get(socket)?.push(bytes.slice());
        flush(socket);
      },
      drain: flush,
      close: (socket) => {
        seen.open -= 1;
        waiting.delete(socket);
      },
    },
  });
  return { port: listener.port, seen, [Symbol.dispose]: () => listener.stop(true) };
}

test("the fault proxy without faults passes everything on, both ways and to the end", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port);
  using client = new Tcp(proxy.port);
  const sent = crypto.getRandomValues(Buffer.alloc(65_536));
  for (let round = 0; round < 64; round += 1) client.write(sent);
  await eventually("4 MiB to come back", () => client.received.length === 64 * sent.length);
  expect(client.received.equals(Buffer.concat(Array(64).fill(sent)))).toBe(true);
  client.socket.end();
  await eventually("the end of it", () => client.isClosed && echo.seen.open === 0);
  await eventually("no line to be left", () => proxy.lines.length === 0);
});

test("the fault proxy stops reading what nobody takes", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port, { latencyMs: 60_000 });
  using client = new Tcp(proxy.port);
  const sent = Buffer.alloc(32 * 1_048_576);
  const isTaken = client.socket.write(sent);
  expect(isTaken).toBe(false);
  await eventually("the client to be stopped", async () => {
    const before = client.socket.bytesWritten;
    await Bun.sleep(50);
    return client.socket.bytesWritten === before && before > 0;
  });
  expect(client.socket.writableLength).toBeGreaterThan(sent.length / 2);
});

test("the fault proxy cuts by an end or by a reset, and tells both sides", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port);
  for (const how of ["fin", "rst"] as const) {
    using client = new Tcp(proxy.port);
    let failure = "";
    client.socket.on("error", ({ message }) => {
      failure = message;
    });
    client.write("hello");
    await client.match(/hello/);
    proxy.cut(how);
    await eventually("the end", () => client.isClosed && echo.seen.open === 0);
    expect(failure).toMatch(how === "rst" ? /RESET/ : /^$/);
  }
});

test("the fault proxy cuts one line and leaves the others", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port);
  using first = new Tcp(proxy.port);
  first.write("one");
  await first.match(/one/);
  using second = new Tcp(proxy.port);
  second.write("two");
  await second.match(/two/);
  proxy.lines[0]?.cut("rst");
  await eventually("the first to end", () => first.isClosed);
  second.write("three");
  await second.match(/twothree/);
});

test("the fault proxy's dead line swallows everything, and tells nobody", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port);
  using client = new Tcp(proxy.port);
  client.write("alive");
  await client.match(/alive/);
  proxy.kill();
  client.write("dead");
  client.socket.end();
  using another = new Tcp(proxy.port);
  another.write("new");
  await another.match(/new/);
  expect({ text: client.text, isClosed: client.isClosed }).toEqual({
    text: "alive",
    isClosed: false,
  });
  expect({ open: echo.seen.open, bytes: echo.seen.bytes }).toEqual({ open: 2, bytes: 8 });
});

test("the fault proxy holds what is on its way, and releases all of it in order", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port);
  using client = new Tcp(proxy.port);
  client.write("1");
  await client.match(/1/);
  proxy.hold();
  client.write("2");
  using another = new Tcp(proxy.port);
  another.write("new");
  await another.match(/new/);
  client.write("3");
  expect(client.text).toBe("1");
  proxy.release();
  await client.match(/123/);
});

test("the fault proxy refuses new connections, leaves some in the dark, and heals", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port, { isRefusing: true });
  using refused = new Tcp(proxy.port);
  await eventually("the refusal", () => refused.isClosed);
  proxy.heal();
  proxy.faults.isDark = true;
  using dark = new Tcp(proxy.port);
  dark.write("hello");
  await eventually("a line", () => proxy.lines.length === 1);
  proxy.heal();
  using light = new Tcp(proxy.port);
  light.write("hello");
  await light.match(/hello/);
  expect({ text: dark.text, isClosed: dark.isClosed }).toEqual({ text: "", isClosed: false });
  expect(proxy.arrivals).toHaveLength(3);
});

test("the fault proxy delays each way, and by chance that a seed repeats", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port, { latencyMs: 40, jitterMs: 20 });
  using client = new Tcp(proxy.port);
  const start = performance.now();
  client.write("hello");
  await client.match(/hello/);
  expect(performance.now() - start).toBeGreaterThanOrEqual(79);
});

test("the fault proxy passes pieces on one by one, none lost or out of order", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port, { pieceBytesMax: 3 });
  using client = new Tcp(proxy.port);
  const text = Array.from({ length: 60 }, (_, index) => `${index};`).join("");
  client.write(text);
  await eventually("all of it", () => client.text.length === text.length);
  expect(client.text).toBe(text);
  expect(echo.seen.reads).toBeGreaterThan(text.length / 6);
});

test("the fault proxy ends a connection after so many bytes, or so long a silence", async () => {
  using echo = startEcho();
  using proxy = new FaultProxy(echo.port, { truncateAfterBytes: 5 });
  using client = new Tcp(proxy.port);
  client.write("hello world");
  await eventually("the end", () => client.isClosed);
  expect(client.text).toBe("hello");
  proxy.heal();
  proxy.faults.idleMs = 50;
  using idle = new Tcp(proxy.port);
  await eventually("the end of an idle line", () => idle.isClosed);
});

test("the fault proxy passes WebSockets, or refuses them as bad proxies do", async () => {
  await using server = await TestServer.start();
  using proxy = new FaultProxy(server.port);
  const socketUrl = `${proxy.url.replace("http", "ws")}/ws`;
  const good = new Client(socketUrl);
  await good.next("welcome");
  expect(proxy.lines.map(({ isSocket }) => isSocket)).toEqual([true]);
  good.close();
  for (const upgrades of [403, 426, 502, "strip"] as const) {
    proxy.faults.upgrades = upgrades;
    const refused = new Client(socketUrl);
    await refused.end();
    using tcp = new Tcp(proxy.port);
    tcp.upgrade("/ws", "Upgrade: websocket", "Connection: Upgrade");
    const [, status] = await tcp.match(/^HTTP\/1.1 (\d+)/);
    expect(Number(status)).toBe(upgrades === "strip" ? 426 : upgrades);
  }
  proxy.faults.upgrades = "swallow";
  const swallowed = new Client(socketUrl);
  await eventually("the request", () => proxy.requests.length === 10);
  expect((await fetch(`${proxy.url}/livez`)).status).toBe(200);
  expect(swallowed.socket.readyState).toBe(WebSocket.CONNECTING);
  swallowed.cut();
});

test("the fault proxy buffers event streams, and nothing else", async () => {
  await using server = await TestServer.start();
  using proxy = new FaultProxy(server.port, { bufferBytes: Number.POSITIVE_INFINITY });
  const url = `${proxy.url}/rooms/general/events`;
  using silent = new EventReader(url);
  await eventually("the head", () => silent.response);
  await server.publish("general", "unheard");
  expect((await fetch(`${proxy.url}/rooms/general/messages`)).status).toBe(200);
  proxy.faults.bufferBytes = 2_000;
  proxy.faults.buffersHead = true;
  using late = new EventReader(`${url}?since=start`);
  await eventually("the stream", () => proxy.lines.filter(({ isStream }) => isStream).length === 2);
  await server.publish("general", "short");
  expect({ head: late.response, text: silent.text }).toEqual({ head: null, text: "" });
  await server.publish("general", "x".repeat(2_000));
  await late.count(3);
});
