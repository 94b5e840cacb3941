import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ConnectionPage, ServerStats } from "../../src/protocol/server-report.ts";
import { EventReader } from "../support/event-reader.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { connectAs, createToken, inSeconds, withTokens } from "../support/tokens.ts";

const admin = await createToken({ sub: "root", rooms: { "*": ["admin"] } });
const all = { "*": ["read", "write"] };
/** Where everybody at this machine may watch. */
let open: TestServer;
let closed: TestServer;
beforeAll(async () => {
  open = await TestServer.start();
  closed = await TestServer.start({ ...withTokens, durability: "process" });
});
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
});

function watch(server: TestServer, token?: string): EventReader {
  const query = token === undefined ? "" : `?access_token=${token}`;
  return new EventReader(`${server.url}/admin/events${query}`);
}

function statsOf(stream: EventReader): ServerStats[] {
  return stream.named("stats") as unknown as ServerStats[];
}

async function list(server: TestServer, query = "", token?: string): Promise<ConnectionPage> {
  const headers = new Headers();
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  return server.json(`/admin/connections?${query}`, { headers });
}

async function disconnect(server: TestServer, body: object, token?: string): Promise<number> {
  const headers = new Headers({ "content-type": "application/json" });
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  return (await server.fetch("/auth/disconnect", init)).status;
}

describe("who watches a server", () => {
  test("is told at once, and then once a second", async () => {
    using stream = watch(open);
    await eventually("two samples", () => statsOf(stream).length >= 2);
    expect(stream.response?.headers.get("content-type")).toStartWith("text/event-stream");
    const [first, second] = statsOf(stream);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(900);
    expect(first).toMatchObject({
      type: "stats",
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      unreadyReason: null,
      connections: { websocket: 0, sse: 0 },
      queueBytes: { websocket: 0, sse: 0 },
    });
    expect(first?.rssBytes).toBeGreaterThan(10_000_000);
    expect(second?.eventLoopDelayMs.count).toBeGreaterThan(0);
  });

  test("is told of messages, their latency, refusals, and the rooms in which most happens", async () => {
    using stream = watch(open);
    using reader = new EventReader(`${open.url}/rooms/busy/events`);
    await reader.stand();
    const quiet = await open.connect();
    await quiet.join("quiet");
    const client = await open.connect();
    await client.join("busy");
    for (let turn = 0; turn < 20; turn += 1) {
      await client.ask({ type: "message", room: "busy", content: turn });
    }
    expect((await client.ask({ type: "nothing" })).type).toBe("error");
    const stats = await eventually("a sample that has it all", () =>
      statsOf(stream).find(({ publishMs, errors }) => publishMs.count >= 20 && errors.bad_frame),
    );
    expect(stats.connections).toEqual({ websocket: 2, sse: 1 });
    expect(stats.rooms).toBeGreaterThanOrEqual(2);
    const rates = statsOf(stream).map((each) => each.deliveriesPerSecond);
    expect(Math.max(...rates)).toBeGreaterThan(5);
    const { p50, p95, p99, max } = stats.publishMs;
    expect(p50).toBeGreaterThan(0);
    const rising = [p50, p95, p99, max].map(Number);
    expect(rising).toEqual(rising.toSorted((one, two) => one - two));
    const names = stats.busyRooms.map(({ room }) => room);
    expect(names.indexOf("busy")).toBeLessThan(names.indexOf("quiet"));
    expect(stats.busyRooms[0]).toMatchObject({ room: "busy", members: 1, observers: 1 });
    expect(stats.busyRooms[0]?.messagesPerSecond).toBeGreaterThan(1);
    client.close();
    quiet.close();
  });

  test("needs admin for all rooms where there is a key, and loses it with the token", async () => {
    for (const [token, status] of [
      ["", 401],
      [await createToken({ sub: "alice", rooms: { "*": ["read", "write", "presence"] } }), 403],
      [await createToken({ sub: "bob", rooms: { "team-*": ["admin"] } }), 403],
    ] as const) {
      for (const path of ["/admin/events", "/admin/connections"]) {
        const response = await closed.fetch(`${path}${token && `?access_token=${token}`}`);
        expect([path, response.status]).toEqual([path, status]);
      }
    }
    const exp = Date.now() / 1_000 + 2.5;
    using stream = watch(closed, await createToken({ sub: "r", rooms: { "*": ["admin"] }, exp }));
    await eventually("a sample", () => statsOf(stream).length > 0);
    await eventually("the end", () => stream.isEnded);
    expect(stream.named("problem")).toMatchObject([{ code: "unauthenticated" }]);
  });

  test("may go on by a new token that is an administrator's, too", async () => {
    const exp = Date.now() / 1_000 + 3;
    const claims = { sub: "renews", rooms: { "*": ["admin"] } };
    using stream = watch(closed, await createToken({ ...claims, exp }));
    const [welcome] = await eventually("a welcome", () => {
      const found = stream.named("welcome") as unknown as { connection: string }[];
      return found.length > 0 && found;
    });
    const renew = async (token: string) => {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ connection: welcome?.connection, token });
      return (await closed.fetch("/auth/renew", { method: "POST", headers, body })).status;
    };
    expect(await renew(await createToken({ sub: "renews", rooms: all }))).toBe(403);
    const exp2 = inSeconds(60);
    expect(await renew(await createToken({ ...claims, exp: exp2 }))).toBe(200);
    await eventually("the first token's end", () => Date.now() > exp * 1_000 + 300);
    const count = statsOf(stream).length;
    await eventually("samples past the first token", () => statsOf(stream).length > count);
  });

  test("is let in without a key only directly, and only where nobody's rights were limited", async () => {
    for (const name of ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"]) {
      const headers = { [name]: "for=192.0.2.1" };
      for (const path of ["/admin/events", "/admin/connections"]) {
        const response = await open.fetch(path, { headers });
        expect([name, path, response.status]).toEqual([name, path, 403]);
        expect((await response.json()).detail).toContain("key");
      }
    }
    for (const overrides of [{ anonymous: "write" }, { trustProxy: "127.0.0.1" }] as const) {
      await using server = await TestServer.start(overrides);
      expect((await server.fetch("/admin/connections")).status).toBe(403);
      expect(await disconnect(server, { user: "none" })).toBe(403);
    }
  });

  test("sees how the others are sent away, is the last to go, and holds nothing up", async () => {
    await using server = await TestServer.start({ drainTimeoutMs: 60_000 });
    const client = await server.connect();
    using stream = watch(server);
    await eventually("a sample", () => statsOf(stream).length > 0);
    const startedAt = performance.now();
    await server.stop();
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await eventually("the end", () => stream.isEnded);
    expect((await client.end()).code).toBe(1012);
  });

  test("is one of 50, and makes room by leaving", async () => {
    await using server = await TestServer.start();
    const streams = Array.from({ length: 50 }, () => watch(server));
    for (const stream of streams) await stream.open();
    const refused = await server.fetch("/admin/events");
    expect([refused.status, (await refused.json()).code]).toEqual([503, "too_many"]);
    for (const stream of streams) stream[Symbol.dispose]();
    await eventually("room for another", async () => {
      using stream = watch(server);
      return (await stream.open()).status === 200;
    });
  });
});

describe("the list of connections", () => {
  test("tells of each what it is, where, and what went through", async () => {
    const token = await createToken({ sub: "alice", name: "Alice", rooms: all });
    const client = await connectAs(closed.socketUrl, token);
    await client.join("hall");
    await client.join("den");
    await client.ask({ type: "message", room: "hall", content: "hello" });
    using reader = new EventReader(`${closed.url}/rooms/hall/events?access_token=${token}`);
    await reader.stand();
    await client.ask({ type: "message", room: "hall", content: "again" });
    await reader.count(1);
    const { connections, next } = await list(closed, "user=alice", admin);
    expect(next).toBeNull();
    const common = {
      user: { id: "alice", name: "Alice" },
      address: "127.0.0.1",
      since: expect.any(Number),
      queueBytes: 0,
    };
    expect(connections).toMatchObject([
      {
        ...common,
        ...{ transport: "websocket", rooms: ["hall", "den"], roomCount: 2 },
        ...{ messagesIn: 2, messagesOut: 2 },
      },
      {
        ...common,
        ...{ transport: "sse", rooms: ["hall"], roomCount: 1 },
        ...{ messagesIn: 0, messagesOut: 1, bytesIn: 0 },
      },
    ]);
    const [socket, stream] = connections;
    expect(socket?.bytesIn).toBeGreaterThan(100);
    const received = client.frames.map((frame) => Buffer.byteLength(JSON.stringify(frame)));
    expect(socket?.bytesOut).toBe(received.reduce((sum, bytes) => sum + bytes, 0));
    expect(stream?.bytesOut).toBe(Buffer.byteLength(reader.text));
    client.close();
  });

  test("has pages, in the order in which they came, and none twice", async () => {
    await using server = await TestServer.start();
    const clients = [];
    for (let index = 0; index < 7; index += 1) clients.push(await server.connect());
    const ids: string[] = [];
    let after: number | null = 0;
    const sizes: number[] = [];
    while (after !== null) {
      const page: ConnectionPage = await list(server, `limit=3&after=${after}`);
      ids.push(...page.connections.map(({ connection }) => connection));
      sizes.push(page.connections.length);
      after = page.next;
    }
    expect(sizes).toEqual([3, 3, 1]);
    const welcomed = clients.map(({ frames: [welcome] }) => welcome?.connection);
    expect(ids).toEqual(welcomed as string[]);
  });

  test("takes no malformed query", async () => {
    for (const query of ["limit=0", "limit=501", "limit=x", "limit=1.5", "after=-1", "after=1e3"]) {
      const response = await open.fetch(`/admin/connections?${query}`);
      expect([query, response.status]).toEqual([query, 400]);
    }
  });
});

describe("one connection", () => {
  test("is ended alone by its id, a WebSocket or a stream, an anonymous one too", async () => {
    const room = "ended";
    const [victim, other] = [await open.connect(), await open.connect()];
    using stream = new EventReader(`${open.url}/rooms/${room}/events`);
    await stream.stand();
    await victim.join(room);
    await other.join(room);
    const find = async (transport: string) => {
      const { connections } = await list(open, "limit=500");
      return connections.find((each) => each.transport === transport && each.rooms[0] === room);
    };
    const connection = (await find("websocket"))?.connection ?? "";
    expect(victim.frames[0]).toMatchObject({ connection });
    expect(await disconnect(open, { connection })).toBe(204);
    expect((await victim.end()).code).toBe(1008);
    expect(victim.frames.at(-1)).toMatchObject({ type: "error", code: "forbidden" });
    expect(await disconnect(open, { connection: (await find("sse"))?.connection })).toBe(204);
    await eventually("the stream's end", () => stream.isEnded);
    expect(stream.named("problem")).toMatchObject([{ code: "forbidden" }]);
    expect((await other.ask({ type: "ping" })).type).toBe("pong");
    other.close();
  });

  test("that is not there is not found, and nobody else's business without admin", async () => {
    expect(await disconnect(open, { connection: "nosuchonexxx" })).toBe(404);
    expect(await disconnect(closed, { connection: "nosuchonexxx" }, admin)).toBe(404);
    const token = await createToken({ sub: "alice", rooms: all });
    expect(await disconnect(closed, { connection: "nosuchonexxx" }, token)).toBe(403);
    expect(await disconnect(closed, { connection: "nosuchonexxx" })).toBe(401);
  });

  test("all of an anonymous user's end by the user's id, streams too", async () => {
    using stream = new EventReader(`${open.url}/rooms/anonymous/events`);
    await stream.stand();
    const { connections } = await list(open, "limit=500");
    const { user } = connections.find(({ rooms }) => rooms[0] === "anonymous") ?? {};
    expect(await disconnect(open, { user: user?.id })).toBe(204);
    await eventually("the stream's end", () => stream.isEnded);
  });
});

describe("the meters", () => {
  test("are for administrators where there is a key, unless they are open to all", async () => {
    const read = async (server: TestServer, token?: string) => {
      const headers = new Headers();
      if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
      return (await server.fetch("/metrics", { headers })).status;
    };
    const token = await createToken({ sub: "alice", rooms: all });
    expect([await read(closed), await read(closed, token)]).toEqual([401, 403]);
    expect([await read(closed, admin), await read(open)]).toEqual([200, 200]);
    await using bare = await TestServer.start({ ...withTokens, metrics: "open" });
    expect(await read(bare)).toBe(200);
    await using shut = await TestServer.start({ anonymous: "write", metrics: "admin" });
    expect(await read(shut)).toBe(403);
  });
});
