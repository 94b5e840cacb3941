import { describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import { Client } from "../support/client.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { Tcp } from "../support/tcp.ts";

const publishOf = (headers: Record<string, string> = {}) => ({
  method: "POST",
  body: "x",
  headers,
});

/** What a refused HTTP request says. */
async function refusalOf(response: Response) {
  const { code, status, retryAfterMs } = (await response.json()) as Record<string, unknown>;
  const retryAfter = Number(response.headers.get("retry-after"));
  return { code, status: [status, response.status], retryAfterMs, retryAfter };
}

describe("frames", () => {
  // So slow that nothing comes back while a busy machine holds the test up.
  const messagesPerSecond = 0.01;

  test("beyond the burst are refused with their ref and the delay, and those before it are kept", async () => {
    await using server = await TestServer.start({ messagesPerSecond, messagesBurst: 5 });
    const client = await server.connect();
    await client.join("hall");
    for (let ref = 1; ref <= 6; ref += 1) {
      client.send({ type: "message", ref, room: "hall", content: ref });
    }
    for (let ref = 1; ref <= 4; ref += 1) await client.next("ack", (frame) => frame.ref === ref);
    for (const ref of [5, 6]) {
      const refusal = await client.next("error", (frame) => frame.ref === ref);
      const { code, retryAfterMs } = refusal as unknown as Record<string, unknown>;
      expect(code).toBe("rate_limited");
      expect(retryAfterMs).toBeGreaterThan(50_000);
      expect(retryAfterMs).toBeLessThanOrEqual(100_000);
    }
    const { messages } = await server.json("/rooms/hall/messages");
    expect(messages.map(({ content }: { content: number }) => content)).toEqual([1, 2, 3, 4]);
    expect(client.closed).toBeNull();
  });

  test("of bytes, malformed ones and echoes count like all others", async () => {
    await using server = await TestServer.start({ messagesPerSecond, messagesBurst: 2 });
    for (const frame of ['{"type":"ping"}', "{", new Uint8Array([1, 1, 97, 0]) as never]) {
      const client = await server.connect();
      await client.ask({ type: "ping" });
      client.send(frame);
      client.send({ type: "ping", ref: "last" });
      const refusal = await client.next("error", ({ ref }) => ref === "last");
      expect(refusal.code).toBe("rate_limited");
    }
    const echo = new Client(`${server.socketUrl}/echo`);
    await eventually("the connection", () => echo.socket.readyState === WebSocket.OPEN);
    for (const data of ["1", "2", "3"]) echo.send(data);
    expect(await echo.end()).toEqual({ code: 1013, reason: "rate_limited" });
    expect(echo.frames).toEqual([1, 2] as never);
    const metrics = await (await server.fetch("/metrics")).text();
    expect(metrics).toContain('partyline_limits_hit_total{limit="messages-per-second"} 4\n');
  });

  test("kept up although refused close with 1013, and nobody else is bothered", async () => {
    await using server = await TestServer.start({ messagesPerSecond, messagesBurst: 2 });
    const other = await server.connect();
    const client = await server.connect();
    const frames = limits.refusedFramesMax + 2;
    for (let sent = 0; sent < frames; sent += 1) client.send({ type: "ping" });
    expect(await client.end()).toEqual({ code: 1013, reason: "rate_limited" });
    expect(client.all("pong")).toHaveLength(2);
    await other.settle();
  });
});

describe("connections", () => {
  test("beyond those of one address get 503 by every door, and one that leaves makes room", async () => {
    await using server = await TestServer.start({ connectionsPerAddress: 3 });
    const first = await server.connect();
    await server.connect();
    const abort = new AbortController();
    await server.fetch("/rooms/hall/events", { signal: abort.signal });
    for (const path of ["/rooms/hall/events", "/events?room=hall"]) {
      expect(await refusalOf(await server.fetch(path))).toEqual({
        code: "too_many",
        status: [503, 503],
        retryAfterMs: 5_000,
        retryAfter: 5,
      });
    }
    for (const path of ["/ws", "/ws/echo"]) {
      using tcp = new Tcp(server.port);
      tcp.upgrade(path, "Upgrade: websocket", "Connection: Upgrade");
      const [answer] = await tcp.match(/^HTTP\/1.1 503 [\s\S]*"code":"too_many"/);
      expect(answer).toMatch(/^retry-after: 5\r$/im);
      expect(answer).toMatch(/^content-type: application\/problem\+json/im);
    }
    expect((await server.fetch("/rooms")).status).toBe(200); // requests are no connections
    for (const leave of [() => first.cut(), () => abort.abort()]) {
      leave();
      await eventually("a place", async () => {
        const client = new Client(server.socketUrl);
        await eventually("an answer", () => client.closed ?? client.all("welcome")[0]);
        return client.closed === null;
      });
    }
  });

  test("that echo take a place, and are counted apart", async () => {
    await using server = await TestServer.start({ connectionsMax: 1 });
    const echo = new Client(`${server.socketUrl}/echo`);
    await eventually("the connection", () => echo.socket.readyState === WebSocket.OPEN);
    const shown = async (transport: string, count: number) => {
      const metrics = await (await server.fetch("/metrics")).text();
      return metrics.includes(`partyline_connections{transport="${transport}"} ${count}\n`);
    };
    await eventually("it is shown", () => shown("echo", 1));
    expect(await shown("websocket", 0)).toBe(true);
    expect((await server.fetch("/rooms/hall/events")).status).toBe(503);
    echo.close();
    await eventually("it is gone", () => shown("echo", 0));
    await server.connect();
  });

  test("that do not come about take no place", async () => {
    await using server = await TestServer.start({ connectionsMax: 1 });
    for (let times = 0; times < 5; times += 1) {
      expect((await server.fetch("/ws")).status).toBe(426);
      expect((await server.fetch("/ws/echo")).status).toBe(426);
      expect((await server.fetch("/rooms/a%20b/events")).status).toBe(400);
      expect((await server.fetch("/rooms/hall/events", { method: "HEAD" })).status).toBe(200);
    }
    await server.connect();
    expect((await server.fetch("/rooms/hall/events")).status).toBe(503);
  });

  test("from which nothing comes are closed, others not", async () => {
    await using server = await TestServer.start({ speakWithinMs: 1_500 });
    const speaking = new Client(server.socketUrl);
    speaking.socket.onopen = () => speaking.send({ type: "ping" });
    await speaking.next("pong");
    const silent = [new Client(server.socketUrl), new Client(`${server.socketUrl}/echo`)];
    for (const client of silent) {
      expect(await client.end()).toEqual({ code: 1008, reason: "no frame came" });
    }
    await speaking.settle();
    speaking.close();
  });
});

describe("rooms", () => {
  test("have as many members as they may, and whoever is in may come twice", async () => {
    await using server = await TestServer.start({ roomMembersMax: 2 });
    const [first, second, third] = [
      await server.connect(),
      await server.connect(),
      await server.connect(),
    ];
    expect((await first.join("hall")).type).toBe("joined");
    expect((await second.join("hall")).type).toBe("joined");
    expect(await third.join("hall")).toMatchObject({ type: "error", code: "too_many" });
    expect((await first.join("hall")).type).toBe("joined");
    expect((await third.join("den")).type).toBe("joined");
    await second.ask({ type: "leave", room: "hall" });
    expect((await third.join("hall")).type).toBe("joined");
    const { memberCount } = await server.json("/rooms/hall/members");
    expect(memberCount).toBe(2);
  });

  test("of one connection are bounded", async () => {
    await using server = await TestServer.start({ connectionRoomsMax: 2 });
    const client = await server.connect();
    expect(client.frames[0]).toMatchObject({ limits: { connectionRoomsMax: 2 } });
    await client.join("a");
    await client.join("b");
    expect(await client.join("c")).toMatchObject({ type: "error", code: "too_many" });
  });

  test("that one address may begin are bounded by every door, those that are there are not", async () => {
    await using server = await TestServer.start({ roomsPerHour: 3 });
    const client = await server.connect();
    await server.publish("a", 1);
    expect((await client.join("b")).type).toBe("joined");
    const abort = new AbortController();
    await server.fetch("/rooms/c/events", { signal: abort.signal });
    expect(await refusalOf(await server.fetch("/rooms/d/messages", publishOf()))).toMatchObject({
      code: "rate_limited",
      status: [429, 429],
    });
    client.send({ type: "join", ref: 1, room: "e" });
    client.send({ type: "message", ref: 2, room: "e", content: "along with the join" });
    expect((await client.next("error", ({ ref }) => ref === 1)).code).toBe("rate_limited");
    // Whether it came while the join was looked at, or after that.
    const { code } = await client.next("error", ({ ref }) => ref === 2);
    expect(["rate_limited", "not_joined"]).toContain(code);
    const events = await (await server.fetch("/rooms/f/events")).text();
    expect(events).toContain('"code":"rate_limited"');
    const { rooms } = await server.json("/rooms");
    const names = rooms.map(({ room }: { room: string }) => room);
    expect(names.filter((name: string) => !name.startsWith("$"))).toEqual(["a", "b", "c"]);
    for (const room of ["a", "b", "$clock"]) expect((await client.join(room)).type).toBe("joined");
    expect((await server.fetch("/rooms/a/messages", publishOf())).status).toBe(201);
    abort.abort();
  });

  test("may be begun and written to with frames that are sent all at once", async () => {
    await using server = await TestServer.start();
    const client = await server.connect();
    client.send({ type: "join", ref: 0, room: "fresh" });
    for (let ref = 1; ref <= 50; ref += 1) {
      client.send({ type: "message", ref, room: "fresh", content: ref });
    }
    client.send({ type: "leave", ref: 51, room: "fresh" });
    for (let ref = 1; ref <= 50; ref += 1) await client.next("ack", (frame) => frame.ref === ref);
    const { messages } = await server.json("/rooms/fresh/messages");
    expect(messages.map(({ content }: { content: number }) => content)).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  });
});

describe("publishes of one address", () => {
  const bounds = { publishesPerSecond: 0.01, publishesBurst: 2 };
  const publish = (server: TestServer, headers?: Record<string, string>) =>
    server.fetch("/rooms/hall/messages", publishOf(headers));

  test("are refused beyond their burst with 429 and the delay", async () => {
    await using server = await TestServer.start(bounds);
    expect((await publish(server)).status).toBe(201);
    expect((await publish(server)).status).toBe(201);
    const { retryAfter, ...refusal } = await refusalOf(await publish(server));
    expect(refusal).toMatchObject({ code: "rate_limited", status: [429, 429] });
    expect(retryAfter).toBeGreaterThan(90);
    expect(retryAfter).toBeLessThanOrEqual(100);
  });

  test("are counted by the header only where a trusted proxy sends it", async () => {
    const from = (client: number) => ({ "x-forwarded-for": `192.0.2.${client}` });
    await using open = await TestServer.start(bounds);
    const statuses = async (server: TestServer) => {
      const found: number[] = [];
      for (const client of [1, 2, 3, 3, 3]) {
        found.push((await publish(server, from(client))).status);
      }
      return found;
    };
    expect(await statuses(open)).toEqual([201, 201, 429, 429, 429]);
    await using proxied = await TestServer.start({ ...bounds, trustProxy: "10.0.0.1, 127.0.0.1" });
    expect(await statuses(proxied)).toEqual([201, 201, 201, 201, 429]);
    // What the client wrote before its proxy's word changes nothing.
    const forged = { "x-forwarded-for": "9.9.9.9, 192.0.2.3" };
    expect((await publish(proxied, forged)).status).toBe(429);
  });
});

describe("a slow request", () => {
  test("is answered and ended when its body takes too long", async () => {
    await using server = await TestServer.start({ bodyWithinMs: 200 });
    using tcp = new Tcp(server.port);
    tcp.request("POST /rooms/hall/messages HTTP/1.1", "Content-Length: 100");
    tcp.write("slow");
    await tcp.match(/^HTTP\/1.1 400 [\s\S]*not whole within 200 ms/);
    expect(await server.json("/rooms/hall/messages")).toMatchObject({ messages: [] });
  });

  test("of which the head takes too long is ended, also if some of it keeps coming", async () => {
    await using server = await TestServer.start({ idleTimeoutMs: 1_000 });
    using tcp = new Tcp(server.port);
    tcp.request("GET /livez HTTP/1.1"); // Bun gives the first head 10 s, and all others our time
    await tcp.match(/"ok"/);
    tcp.write("GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    await eventually("the end", () => {
      if (!tcp.isClosed) tcp.write("x");
      return tcp.isClosed;
    });
    expect(tcp.text.match(/HTTP\/1.1/g)).toHaveLength(1);
  });

  test("with a head over 16 KiB gets 431", async () => {
    await using server = await TestServer.start();
    const long = "x".repeat(17_000);
    for (const [line, header] of [
      ["/", long],
      [`/${long}`, "x"],
    ]) {
      using tcp = new Tcp(server.port);
      tcp.request(`GET ${line} HTTP/1.1`, `X-Long: ${header}`);
      await tcp.match(/^HTTP\/1.1 431 /);
    }
  });
});
