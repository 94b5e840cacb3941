/** What an administrator does and what bounds a user, over servers that share one Redis. */

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import type { ConfigOverrides } from "../../src/config.ts";
import { Client } from "../support/client.ts";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { EventReader } from "../support/event-reader.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { eventually } from "../support/poll.ts";
import { RedisServer } from "../support/redis-server.ts";
import { RunningTime } from "../support/running-time.ts";
import { TestServer } from "../support/server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { Tcp } from "../support/tcp.ts";
import { connectAs, createToken, withTokens } from "../support/tokens.ts";

const isHere = findSystemProgram("redis") !== null;
const all = { "*": ["read", "write"] };
const admin = await createToken({ sub: "root", rooms: { "*": ["admin"] } });

setDefaultTimeout(60_000);

let redis: RedisServer;
let clusters = 0;
const open: { [Symbol.asyncDispose](): Promise<void> }[] = [];

beforeAll(async () => {
  if (isHere) redis = await RedisServer.start({ appendonly: true });
});
afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});
afterAll(() => redis?.[Symbol.asyncDispose]());

/** A server, and its way to Redis. */
interface Node {
  readonly server: TestServer;
  readonly way: FaultProxy;
}

async function start(count: number, overrides: ConfigOverrides = {}): Promise<Node[]> {
  clusters += 1;
  const redisPrefix = `control-${clusters}`;
  const nodes: Node[] = [];
  for (let at = 0; at < count; at += 1) {
    const way = new FaultProxy(redis.port);
    const url = way.url.replace("http", "redis");
    const shared = { ...withTokens, redis: url, redisPrefix };
    const server = await TestServer.start({ ...shared, ...overrides });
    nodes.push({ server, way });
    open.push({
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        way[Symbol.dispose]();
      },
    });
  }
  return nodes;
}

async function post({ server }: Node, path: string, body: object): Promise<number> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${admin}` };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await server.fetch(path, init);
  await response.body?.cancel();
  return response.status;
}

async function connect({ server }: Node, sub: string, jti?: string): Promise<Client> {
  return connectAs(server.socketUrl, await createToken({ sub, rooms: all, jti }));
}

/** Tries to connect; null where that was refused. */
async function tryToConnect({ url }: { url: string }, sub: string): Promise<Client | null> {
  const token = await createToken({ sub, rooms: all });
  const client = new Client(`${url.replace("http", "ws")}/ws`, ["partyline.v1", `bearer.${token}`]);
  await eventually("an answer", () => client.closed !== null || client.frames.length > 0);
  return client.closed === null ? client : null;
}

async function ready({ server }: Node): Promise<boolean> {
  return (await server.fetch("/readyz")).status === 200;
}

async function part(node: Node): Promise<void> {
  node.way.faults.isRefusing = true;
  node.way.cut();
  await eventually("it says that it is cut off", async () => !(await ready(node)));
}

async function join(node: Node): Promise<void> {
  node.way.heal();
  await eventually("it is ready again", () => ready(node));
}

describe.skipIf(!isHere)("POST /auth/revoke on one node", () => {
  test("ends connections on another within a second, and lets the token in nowhere", async () => {
    const [one, two] = (await start(2)) as [Node, Node];
    const token = await createToken({ sub: "eve", rooms: all, jti: "t1" });
    const client = await connectAs(two.server.socketUrl, token);
    const url = `${two.server.url}/rooms/x/events?access_token=${token}`;
    using stream = new EventReader(url);
    await stream.stand();
    const other = await connect(two, "eve", "t2");
    using time = new RunningTime();
    expect(await post(one, "/auth/revoke", { id: "t1" })).toBe(204);
    expect((await client.end()).code).toBe(4401);
    await eventually("the end", () => stream.isEnded);
    expect(time.ms).toBeLessThan(1_000);
    await other.settle();
    const headers = { authorization: `Bearer ${token}` };
    for (const { server } of [one, two]) {
      expect((await server.fetch("/rooms", { headers })).status).toBe(401);
    }
    expect(await post(two, "/auth/revoke", { user: "eve", before: Date.now() + 1_000 })).toBe(204);
    expect((await other.end()).code).toBe(4401);
  });

  test("reaches a node that was cut off, and holds when all nodes start again", async () => {
    const [one, two] = (await start(2)) as [Node, Node];
    const token = await createToken({ sub: "eve", rooms: all, jti: "t1" });
    const client = await connectAs(two.server.socketUrl, token);
    await part(two);
    expect(await post(two, "/auth/revoke", { id: "t2" })).toBe(503);
    expect(await post(one, "/auth/revoke", { id: "t1" })).toBe(204);
    await client.settle();
    await join(two);
    expect((await client.end()).code).toBe(4401);
    for (const { server } of [one, two]) await server.stop();
    for (const { server } of [one, two]) await server.start();
    const headers = { authorization: `Bearer ${token}` };
    for (const { server } of [one, two]) {
      expect((await server.fetch("/rooms", { headers })).status).toBe(401);
    }
  });
});

describe.skipIf(!isHere)("POST /auth/disconnect on one node", () => {
  test("ends a user's connections on all, and one connection wherever it is", async () => {
    const [one, two, three] = (await start(3)) as [Node, Node, Node];
    const alices = [await connect(one, "alice"), await connect(two, "alice")];
    const bob = await connect(three, "bob");
    expect(await post(one, "/auth/disconnect", { user: "alice" })).toBe(204);
    for (const client of alices) expect((await client.end()).code).toBe(1008);
    const { connection } = bob.frames[0] ?? {};
    expect(await post(one, "/auth/disconnect", { connection: "nosuchonexxx" })).toBe(404);
    await bob.settle();
    expect(await post(two, "/auth/disconnect", { connection })).toBe(204);
    expect((await bob.end()).code).toBe(1008);
    expect(await post(two, "/auth/disconnect", { connection })).toBe(404);
    expect(await post(three, "/auth/disconnect", { user: "nobody" })).toBe(204);
  });

  test("that is cut off ends its own, says that it reached no others, and hears of them later", async () => {
    const [one, two] = (await start(2)) as [Node, Node];
    const [here, there] = [await connect(one, "alice"), await connect(two, "alice")];
    await part(two);
    expect(await post(two, "/auth/disconnect", { user: "alice" })).toBe(503);
    expect((await there.end()).code).toBe(1008);
    await here.settle();
    const back = await connect(two, "alice");
    expect(await post(one, "/auth/disconnect", { user: "alice" })).toBe(204);
    expect((await here.end()).code).toBe(1008);
    await join(two);
    expect((await back.end()).code).toBe(1008);
  });
});

describe.skipIf(!isHere)("POST /auth/renew on one node", () => {
  test("renews a connection to another, which verifies the token by itself", async () => {
    const [one, two, three] = (await start(3)) as [Node, Node, Node];
    const exp = Date.now() / 1_000 + 4;
    const token = await createToken({ sub: "alice", rooms: all, exp });
    using stream = new EventReader(`${two.server.url}/rooms/x/events?access_token=${token}`);
    await stream.stand();
    const [welcome] = stream.named("welcome") as unknown as { connection: string }[];
    const { connection = "" } = welcome ?? {};
    const newer = await createToken({ sub: "alice", name: "A", rooms: all });
    const less = await createToken({ sub: "alice", rooms: {} });
    const mallory = await createToken({ sub: "mallory", rooms: all });
    const renew = async (node: Node, body: object) => {
      const headers = { "content-type": "application/json" };
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      const response = await node.server.fetch("/auth/renew", init);
      const { code, user } = (await response.json()) as { code?: string; user?: object };
      return [response.status, code ?? user];
    };
    expect(await renew(one, { connection, token: mallory })).toEqual([403, "forbidden"]);
    expect(await renew(one, { connection, token: less })).toEqual([403, "forbidden"]);
    expect(await renew(one, { connection, token: "x" })).toEqual([401, "unauthenticated"]);
    expect(await renew(three, { connection: "nosuchonexxx", token: newer })).toEqual([
      404,
      "not_found",
    ]);
    expect(await renew(three, { connection, token: newer })).toEqual([
      200,
      { id: "alice", name: "A" },
    ]);
    await part(one);
    expect(await renew(one, { connection, token: newer })).toEqual([503, "unavailable"]);
    await eventually("the old end, and more", () => Date.now() > exp * 1_000 + 300);
    expect([stream.isEnded, stream.named("problem")]).toEqual([false, []]);
  });
});

describe.skipIf(!isHere)("a user's connections", () => {
  test("are bounded over all nodes, whatever they are and however they say who they are", async () => {
    const nodes = await start(2, { connectionsPerUser: 2, anonymous: "read" });
    const [one, two] = nodes as [Node, Node];
    const first = await connect(one, "alice");
    const token = await createToken({ sub: "alice", rooms: all });
    using stream = new EventReader(`${two.server.url}/rooms/x/events?access_token=${token}`);
    await stream.stand();
    const refused = await two.server.fetch(`/rooms/x/events?access_token=${token}`);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ code: "too_many" });
    const guest = await two.server.connect();
    expect(await guest.ask({ type: "auth", token })).toMatchObject({ code: "too_many" });
    first.close();
    await eventually("there is room", async () => {
      const { type } = await guest.ask({ type: "auth", token });
      return type === "authenticated";
    });
    expect((await one.server.fetch(`/rooms/x/events?access_token=${token}`)).status).toBe(503);
  });

  test("that come at once to three nodes are let in exactly up to the bound", async () => {
    const servers = (await start(3, { connectionsPerUser: 5 })).map(({ server }) => server);
    const tries = Array.from({ length: 20 }, (_, at) =>
      tryToConnect(servers[at % 3] as TestServer, "bob"),
    );
    const clients = (await Promise.all(tries)).filter((client) => client !== null);
    expect(clients).toHaveLength(5);
    for (const client of clients) client.close();
    const again = eventually("all have left", () => tryToConnect(servers[0] as TestServer, "bob"));
    (await again).close();
  });

  test("that go away while the other nodes are asked leave nothing behind", async () => {
    const [one] = (await start(1, { connectionsPerUser: 2 })) as [Node];
    const token = await createToken({ sub: "alice", rooms: all });
    one.way.hold();
    const [socket, stream] = [new Tcp(one.server.port), new Tcp(one.server.port)];
    socket.upgrade(`/ws?access_token=${token}`, "Connection: Upgrade", "Upgrade: websocket");
    stream.request(`GET /rooms/x/events?access_token=${token} HTTP/1.1`);
    // Long enough for a token to be verified and its user to be asked about.
    for (let turn = 0; turn < 20; turn += 1) await one.server.fetch("/livez");
    expect([socket.text, stream.text]).toEqual(["", ""]);
    for (const tcp of [socket, stream]) tcp.socket.resetAndDestroy();
    for (let turn = 0; turn < 5; turn += 1) await one.server.fetch("/livez"); // it notices
    one.way.release();
    const clients: Client[] = [];
    for (let more = 0; more < 2; more += 1) {
      clients.push(await eventually("there is room", () => tryToConnect(one.server, "alice")));
    }
    for (const client of clients) client.close();
    await eventually("nothing is left", async () => {
      const left = await redis.send("KEYS", `control-${clusters}:users:*`);
      const headers = { authorization: `Bearer ${admin}` };
      const text = await (await one.server.fetch("/metrics", { headers })).text();
      const told = [
        'partyline_connections{transport="websocket"} 0\n',
        'partyline_connections_opened_total{transport="sse"} 0\n',
      ];
      return Bun.deepEquals(left, []) && told.every((line) => text.includes(line));
    });
  });

  test("to a node that is killed count until its lease is over, and to one that stops not at all", async () => {
    const flags = ["--connections-per-user", "1", "--redis-lease", "2s"];
    await using cluster = await Cluster.start({ nodes: 3, flags });
    const [one, two, three] = [cluster.node(0), cluster.node(1), cluster.node(2)];
    const connectTo = ({ url }: ClusterNode) => tryToConnect({ url }, "alice");
    expect(await connectTo(one)).not.toBeNull();
    expect(await connectTo(two)).toBeNull();
    await one.kill();
    const killedAt = performance.now();
    await eventually("there is room", () => connectTo(two));
    expect(performance.now() - killedAt).toBeLessThan(8_000); // by default it is more
    await two.drain();
    expect(await connectTo(three)).not.toBeNull();
  });

  test("are bounded by each node alone while Redis is away", async () => {
    const [one, two] = (await start(2, { connectionsPerUser: 1 })) as [Node, Node];
    const first = await connect(one, "alice");
    await part(two);
    const second = await connect(two, "alice");
    await first.settle();
    await second.settle();
    await join(two);
    await second.settle(); // nobody is sent away who was let in
  });
});

describe.skipIf(!isHere)("a user's frames", () => {
  test("are bounded over both nodes that they are connected to", async () => {
    const pace = { messagesPerSecond: 0.1, messagesBurst: 40 };
    const [one, two] = (await start(2, pace)) as [Node, Node];
    const clients = [await connect(one, "alice"), await connect(two, "alice")];
    // Once one node has answered this, it has heard that the user is on both.
    expect(await post(two, "/auth/disconnect", { connection: "nosuchonexxx" })).toBe(404);
    for (const client of clients) {
      for (let sent = 0; sent < 60; sent += 1) client.send({ type: "ping" });
    }
    const answers = await Promise.all(
      clients.map((client) =>
        eventually("all answers", () => {
          const [pongs, errors] = [client.all("pong"), client.all("error")];
          return pongs.length + errors.length === 60 && pongs.length;
        }),
      ),
    );
    // A burst of 40 for both, and what came back since.
    const passed = answers.reduce((sum, count) => sum + count);
    expect(passed).toBeWithin(40, 60);
  });
});
