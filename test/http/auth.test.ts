import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Client } from "../support/client.ts";
import { EventReader } from "../support/event-reader.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import {
  connectAs,
  createToken,
  inSeconds,
  type TestClaims,
  withTokens,
} from "../support/tokens.ts";

const all = { "*": ["read", "write"] };
const admin = await createToken({ sub: "root", rooms: { "*": ["admin"] } });
let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ ...withTokens, anonymous: "read", durability: "process" });
});
afterAll(() => server[Symbol.asyncDispose]());

async function post(path: string, body: unknown, token: string | null = admin) {
  const headers = new Headers({ "content-type": "application/json" });
  if (token !== null) headers.set("authorization", `Bearer ${token}`);
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await server.fetch(path, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text && JSON.parse(text) };
}

async function connect(claims: TestClaims): Promise<Client> {
  return connectAs(server.socketUrl, await createToken(claims));
}

/** Follows a room, and knows the id of its connection. */
async function follow(room: string, claims: TestClaims) {
  const token = await createToken(claims);
  const stream = new EventReader(`${server.url}/rooms/${room}/events?access_token=${token}`);
  await stream.stand();
  const [welcome] = stream.named("welcome") as unknown as { connection: string }[];
  return { stream, connection: welcome?.connection ?? "" };
}

async function publish(room: string, content: unknown): Promise<void> {
  const token = await createToken({ sub: "publisher", rooms: all });
  expect((await post(`/rooms/${room}/messages`, { content }, token)).status).toBe(201);
}

describe("POST /auth/renew", () => {
  test("lets a stream live on, and it hears what comes after its first token ran out", async () => {
    const exp = Date.now() / 1_000 + 2.5;
    const { stream, connection } = await follow("lives", { sub: "alice", rooms: all, exp });
    using _ = stream;
    const later = inSeconds(3_600);
    const token = await createToken({ sub: "alice", name: "A", rooms: all, exp: later });
    const answer = await post("/auth/renew", { connection, token }, null);
    expect([answer.status, answer.json]).toEqual([
      200,
      { user: { id: "alice", name: "A" }, expiresAt: later * 1_000 },
    ]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    await eventually("the old end, and more", () => Date.now() > exp * 1_000 + 300);
    await publish("lives", 1);
    await stream.count(1);
    expect([stream.isEnded, stream.named("problem")]).toEqual([false, []]);
  });

  test("is refused for another user, a room that is not covered, and no such stream", async () => {
    const { stream, connection } = await follow("kept", { sub: "alice", rooms: all });
    using _ = stream;
    const guest = await server.connect();
    const guestId = guest.frames[0]?.connection;
    const mallory = await createToken({ sub: "mallory", rooms: all });
    const less = await createToken({ sub: "alice", rooms: { other: ["read"] } });
    const own = await createToken({ sub: "alice", rooms: all });
    for (const [body, status] of [
      [{ connection, token: mallory }, 403],
      [{ connection, token: less }, 403],
      [{ connection, token: "x" }, 401],
      [{ connection: "nosuchonexxx", token: own }, 404],
      [{ connection: guestId, token: mallory }, 404], // its id is no secret: others read it
      [{ connection }, 400],
      [{ connection, token: "x".repeat(9_000) }, 400],
      [{ connection: 1, token: own }, 400],
      [[], 400],
      ["x", 400],
      [null, 400],
    ] as const) {
      const answer = await post("/auth/renew", body, null);
      expect([body, answer.status]).toEqual([body, status]);
      expect(JSON.stringify(answer.json)).not.toContain(mallory);
    }
    await publish("kept", 1);
    await stream.count(1);
    guest.close();
  });

  test("renews a WebSocket as well, which leaves what it may not read any more", async () => {
    const alice = await connect({ sub: "alice", rooms: all });
    await alice.join("socket");
    const connection = alice.frames[0]?.connection;
    const token = await createToken({ sub: "alice", rooms: {} });
    expect((await post("/auth/renew", { connection, token }, null)).status).toBe(200);
    expect(await alice.next("left")).toMatchObject({ room: "socket" });
    await publish("socket", 1);
    await alice.settle();
    expect(alice.all("message")).toEqual([]);
    alice.close();
  });
});

describe("POST /auth/disconnect", () => {
  test("ends both kinds of a user's connections, and nobody else's", async () => {
    const alice = await connect({ sub: "alice", rooms: all });
    const bob = await connect({ sub: "bob", rooms: all });
    const streams = [await follow("x", { sub: "alice", rooms: all })];
    streams.push(await follow("x", { sub: "bob", rooms: all }));
    const [alices, bobs] = streams.map(({ stream }) => stream);
    expect((await post("/auth/disconnect", { user: "alice" })).status).toBe(204);
    expect((await alice.end()).code).toBe(1008);
    expect(alice.frames.at(-1)).toMatchObject({ type: "error", code: "forbidden" });
    await eventually("the end", () => alices?.isEnded);
    expect(alices?.named("problem")).toMatchObject([{ status: 403 }] as object);
    await publish("x", 1);
    await bobs?.count(1);
    await bob.settle();
    bobs?.[Symbol.dispose]();
    bob.close();
    const back = await connect({ sub: "alice", rooms: all }); // it is sent away, not locked out
    back.close();
  });

  test("ends one anonymous connection by its user's id", async () => {
    const [one, two] = [await server.connect(), await server.connect()];
    expect((await post("/auth/disconnect", { user: one?.frames[0]?.user.id })).status).toBe(204);
    expect((await one?.end())?.code).toBe(1008);
    await two?.settle();
  });
});

describe("POST /auth/revoke", () => {
  test("of a token ends both kinds of its connections, and lets it in nowhere", async () => {
    const token = await createToken({ sub: "eve", rooms: all, jti: "one" });
    const client = await connectAs(server.socketUrl, token);
    const { stream } = await follow("x", { sub: "eve", rooms: all, jti: "one" });
    const other = await connect({ sub: "eve", rooms: all, jti: "two" });
    expect((await post("/auth/revoke", { id: "one", until: Date.now() + 1e6 })).status).toBe(204);
    expect((await client.end()).code).toBe(4401);
    await eventually("the end", () => stream.isEnded);
    expect(stream.named("problem")).toMatchObject([{ status: 401 }] as object);
    const headers = { authorization: `Bearer ${token}` };
    expect((await server.fetch("/rooms/x/messages", { headers })).status).toBe(401);
    expect((await server.fetch("/files/", { headers })).status).toBe(401);
    expect((await other.ask({ type: "auth", token })).code).toBe("unauthenticated");
    await other.settle();
    other.close();
  });

  test("of a user ends what acts by tokens issued before, and not what comes later", async () => {
    const iat = inSeconds(-100);
    const client = await connect({ sub: "frank", rooms: all, iat });
    const { stream } = await follow("x", { sub: "frank", rooms: all, iat });
    const newer = await connect({ sub: "frank", rooms: all, iat: inSeconds(-10) });
    const before = Date.now() - 50_000;
    expect((await post("/auth/revoke", { user: "frank", before })).status).toBe(204);
    expect((await client.end()).code).toBe(4401);
    await eventually("the end", () => stream.isEnded);
    await newer.settle();
    expect((await post("/auth/revoke", { user: "frank" })).status).toBe(204);
    expect((await newer.end()).code).toBe(4401);
  });

  test("holds across a restart", async () => {
    const tokens = [
      await createToken({ sub: "grace", rooms: all, jti: "kept" }),
      await createToken({ sub: "heidi", rooms: all }),
    ];
    const ask = (token: string) =>
      server.fetch("/rooms", { headers: { authorization: `Bearer ${token}` } });
    for (const token of tokens) expect((await ask(token)).status).toBe(200);
    await post("/auth/revoke", { id: "kept" });
    await post("/auth/revoke", { user: "heidi", before: Date.now() + 2_000 });
    await server.stop();
    await server.start();
    for (const token of tokens) expect((await ask(token)).status).toBe(401);
  });

  test("refuses what would revoke nothing: seconds, and what names neither", async () => {
    for (const [body, detail] of [
      [{ id: "x", until: inSeconds(60) }, '"until"'],
      [{ user: "x", before: inSeconds(60) }, '"before"'],
      [{}, ""],
      [{ id: "" }, ""],
      [{ user: "x".repeat(129) }, ""],
      [{ user: "x", before: "now" }, ""],
      [[], ""],
    ] as const) {
      const { status, json } = await post("/auth/revoke", body);
      expect([body, status]).toEqual([body, 400]);
      expect(json.detail).toContain(detail);
    }
  });
});

test("only admin for all rooms lets somebody disconnect or revoke", async () => {
  const grants = [{ "a*": ["admin"] }, { "*": ["read"] }, { "$*": ["admin"] }, {}];
  const tokens: (string | null)[] = [null];
  for (const rooms of grants as Record<string, string[]>[]) {
    tokens.push(await createToken({ sub: "mallory", rooms }));
  }
  for (const token of tokens) {
    for (const path of ["/auth/disconnect", "/auth/revoke"]) {
      const { status } = await post(path, { user: "alice" }, token);
      expect([path, token === null, status]).toEqual([
        path,
        token === null,
        token === null ? 401 : 403,
      ]);
    }
  }
});
