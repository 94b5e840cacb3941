import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import { testTransport } from "../contract/transport.ts";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { overWebSocket } from "../support/transports.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const types = (client: Client) => client.frames.map(({ type }) => type);
const contents = (client: Client) => client.all("message").map(({ content }) => content);

describe("a connection", () => {
  test("is welcomed first, with who it is and what the limits are", async () => {
    const client = await server.connect();
    const [welcome] = client.frames;
    expect(welcome).toMatchObject({
      type: "welcome",
      user: { id: `~${welcome?.connection}`, name: "anonymous" },
      limits: { frameBytesMax: limits.frameBytesMax, connectionRoomsMax: 100 },
      server: { name: "partyline" },
    });
    expect(welcome?.connection).toMatch(/^[0-9a-z]{12}$/);
  });

  test("gets the reply to each request with its ref", async () => {
    const client = await server.connect();
    const joined = await client.join("replies");
    expect(joined).toMatchObject({
      type: "joined",
      room: "replies",
      position: expect.stringMatching(/^[0-9a-z]+:0$/),
      members: [{ id: client.frames[0]?.user.id, name: "anonymous", connections: 1 }],
      memberCount: 1,
      observers: 0,
      recovered: false,
    });
    const content = { deep: [1, "два", null, { "": [] }] };
    const ack = await client.ask({ type: "message", room: "replies", content, id: "m1" });
    expect(ack).toMatchObject({ type: "ack", room: "replies", id: "m1", duplicate: false });
    const message = await client.next("message");
    expect(message).toMatchObject({ room: "replies", position: ack.position, id: "m1", content });
    expect(message).not.toHaveProperty("ref");
    const again = await client.ask({ type: "message", room: "replies", content: 2, id: "m1" });
    expect(again).toMatchObject({ type: "ack", position: ack.position, duplicate: true });
    const history = await client.ask({ type: "history", room: "replies" });
    expect(history).toMatchObject({ type: "history", room: "replies", more: false });
    expect(history.messages).toEqual([message]);
    expect(await client.ask({ type: "members", room: "replies" })).toMatchObject({
      type: "members",
      memberCount: 1,
    });
    expect(await client.ask({ type: "leave", room: "replies" })).toMatchObject({
      type: "left",
      room: "replies",
    });
    expect(await client.ask({ type: "members", room: "replies" })).toMatchObject({ members: [] });
    expect(await client.ask({ type: "echo", data: [0.5] })).toMatchObject({ data: [0.5] });
    expect(await client.ask({ type: "ping" })).toMatchObject({ type: "pong", data: null });
  });

  test("gets each error with its code and its ref, and stays open", async () => {
    const client = await server.connect();
    const cases: [object, string, string][] = [
      [{ type: "message", room: "errors", content: 1 }, "not_joined", "errors"],
      [{ type: "signal", room: "errors", content: 1 }, "not_joined", "errors"],
      [{ type: "join", room: "no room" }, "invalid_room", "128"],
      [{ type: "auth", token: "x" }, "unauthenticated", "tokens"],
      [{ type: "nonsense" }, "bad_frame", '"type"'],
    ];
    for (const [request, code, text] of cases) {
      const error = await client.ask(request);
      expect(error).toMatchObject({ type: "error", code, message: expect.stringContaining(text) });
    }
    await client.join("$clock");
    const refused = await client.ask({ type: "message", room: "$clock", content: 1 });
    expect(refused).toMatchObject({ type: "error", code: "forbidden" });
    expect(await client.ask({ type: "leave", room: "never joined" })).toMatchObject({
      code: "invalid_room",
    });
    expect(await client.ask({ type: "leave", room: "never-joined" })).toMatchObject({
      type: "left",
    });
    expect(client.closed).toBeNull();
  });

  test("may be in 100 rooms, and not in one more", async () => {
    const client = await server.connect();
    for (let index = 0; index < limits.connectionRoomsMax; index += 1) {
      client.send({ type: "join", room: `many-${index}` });
    }
    expect(await client.join("many-100")).toMatchObject({ type: "error", code: "too_many" });
    expect(await client.join("many-7")).toMatchObject({ type: "joined" });
    await client.ask({ type: "leave", room: "many-7" });
    expect(await client.join("many-100")).toMatchObject({ type: "joined" });
    client.close();
    await eventually("the rooms to be let go", async () => {
      const { rooms } = await server.json("/rooms");
      return !rooms.some(({ room }: { room: string }) => room.startsWith("many-"));
    });
  });
});

describe("joining", () => {
  test("may be followed by a message without waiting for the answer", async () => {
    const client = await server.connect();
    client.send({ type: "join", room: "pipelined" });
    client.send({ type: "message", room: "pipelined", content: "first" });
    await client.next("ack");
    await client.next("message");
    expect(types(client).slice(0, 2)).toEqual(["welcome", "joined"]);
    expect(contents(client)).toEqual(["first"]);
  });

  test("twice answers twice, and delivers once", async () => {
    const client = await server.connect();
    const answers = await Promise.all([client.join("twice"), client.join("twice")]);
    expect(answers.map(({ type }) => type)).toEqual(["joined", "joined"]);
    await server.publish("twice", 1);
    await client.next("message");
    const third = await client.join("twice", { since: "start" });
    expect(third).toMatchObject({ type: "joined", memberCount: 1 });
    expect(third.position).toEndWith(":1");
    await client.settle();
    expect(contents(client)).toEqual([1]);
    client.close();
    await eventually("nobody to be left", async () => {
      return (await server.json("/rooms/twice/members")).memberCount === 0;
    });
  });

  test("and leaving at once leaves nobody behind, however often", async () => {
    const client = await server.connect();
    for (let turn = 0; turn < 50; turn += 1) {
      client.send({ type: "join", room: "door", since: "start" });
      client.send({ type: "leave", room: "door" });
    }
    await client.settle();
    expect((await server.json("/rooms/door/members")).memberCount).toBe(0);
    await client.join("door");
    await server.publish("door", "in");
    await client.next("message");
    expect(contents(client)).toEqual(["in"]);
    expect((await server.json("/rooms/door/members")).memberCount).toBe(1);
  });

  test("and closing at once leaves nobody behind", async () => {
    for (let turn = 0; turn < 20; turn += 1) {
      const client = await server.connect();
      client.send({ type: "join", room: "lobby", since: "start" });
      client.send({ type: "message", room: "lobby", content: turn });
      if (turn % 2 === 0) client.cut();
      else client.close();
    }
    await eventually("nobody to be left", async () => {
      return (await server.json("/rooms/lobby/members")).memberCount === 0;
    });
  });

  test("from a position gives what was missed, in order, then what comes", async () => {
    const first = await server.publish("resumed", 1);
    for (let content = 2; content <= 5; content += 1) await server.publish("resumed", content);
    const client = await server.connect();
    expect(await client.join("resumed", { since: first.position })).toMatchObject({
      recovered: true,
      position: first.position,
    });
    await server.publish("resumed", 6);
    await client.next("message", ({ content }) => content === 6);
    expect(contents(client)).toEqual([2, 3, 4, 5, 6]);
    const whole = await server.connect();
    expect(await whole.join("resumed", { since: "start" })).toMatchObject({ recovered: true });
    await whole.next("message", ({ content }) => content === 6);
    expect(contents(whole)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("from an unknown position says so before anything else", async () => {
    await server.publish("reset", 1);
    for (const since of ["zzz:1", `${(await server.publish("reset", 2)).position}9`]) {
      const client = await server.connect();
      expect(await client.join("reset", { since })).toMatchObject({ recovered: false });
      await client.next("message", ({ content }) => content === 2);
      expect(types(client).slice(0, 4)).toEqual(["welcome", "joined", "gap", "message"]);
      expect(client.all("gap")).toMatchObject([{ room: "reset", reason: "reset", from: since }]);
    }
  });
});

describe("history", () => {
  test("pages backwards until there is no more", async () => {
    for (let content = 1; content <= 7; content += 1) await server.publish("past", content);
    const client = await server.connect();
    let before: string | undefined;
    const seen: unknown[] = [];
    for (const more of [true, true, false]) {
      const page = await client.ask({ type: "history", room: "past", limit: 3, before });
      expect(page.more).toBe(more);
      seen.unshift(...page.messages.map(({ content }) => content));
      before = page.messages[0]?.position;
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("of the largest messages does not cut the connection that asked for it", async () => {
    const client = await server.connect();
    const bytes = new Uint8Array(limits.frameBytesMax);
    for (let index = 0; index < 6; index += 1) {
      const init = { method: "POST", headers: { "content-type": "application/octet-stream" } };
      await server.json("/rooms/heavy/messages", { ...init, body: bytes });
    }
    let before: string | undefined;
    for (let left = 6; left > 0; left -= 1) {
      const page = await client.ask({ type: "history", room: "heavy", limit: 500, before });
      expect(page.messages.length).toBeGreaterThan(0);
      before = page.messages[0]?.position;
    }
  });
});

testTransport(overWebSocket);
