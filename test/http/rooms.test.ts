import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EventReader } from "../support/event-reader.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { createToken, withTokens } from "../support/tokens.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

describe("the rooms", () => {
  test("are listed by name, those with messages and those with people in them", async () => {
    const { position } = await server.publish("written", 1);
    const client = await server.connect();
    await client.join("entered");
    const { rooms } = await server.json("/rooms");
    const names = rooms.map(({ room }: { room: string }) => room);
    expect(names).toEqual([...names].sort());
    expect(rooms).toContainEqual({
      room: "written",
      members: 0,
      observers: 0,
      lastActivityAt: expect.any(Number),
      position,
    });
    expect(rooms).toContainEqual({
      room: "entered",
      members: 1,
      observers: 0,
      lastActivityAt: null,
      position: expect.stringMatching(/:0$/),
    });
    client.close();
  });

  test("the server's own are there from the first moment", async () => {
    await using fresh = await TestServer.start();
    const { rooms } = await fresh.json("/rooms");
    expect(rooms.map(({ room }: { room: string }) => room)).toEqual(["$clock", "$server"]);
    expect((await fresh.json("/rooms?after=%24clock")).rooms).toHaveLength(1);
  });

  test("are paged by name without skipping any", async () => {
    for (let index = 0; index < 12; index += 1) await server.publish(`page-${index}`, 1);
    const whole = await server.json("/rooms");
    const paged: unknown[] = [];
    for (let after = ""; ; ) {
      const { rooms, more } = await server.json(
        `/rooms?limit=5&after=${encodeURIComponent(after)}`,
      );
      paged.push(...rooms.map(({ room }: { room: string }) => room));
      if (!more) break;
      expect(rooms).toHaveLength(5);
      after = rooms.at(-1).room;
    }
    const names = whole.rooms.map(({ room }: { room: string }) => room);
    expect(paged.filter((room) => !String(room).startsWith("$"))).toEqual(
      names.filter((room: string) => !room.startsWith("$")),
    );
    for (const limit of ["0", "501", "x", "-1", "1.5"]) {
      expect((await server.fetch(`/rooms?limit=${limit}`)).status).toBe(400);
    }
  });

  test("are described one by one, also one that nobody has been in", async () => {
    expect(await server.json("/rooms/nowhere")).toMatchObject({
      room: "nowhere",
      members: 0,
      lastActivityAt: null,
    });
    expect((await server.fetch("/rooms/no%20room")).status).toBe(400);
    for (const path of ["a%2Fb", "%ff", "%ff/members", "%ff/messages", "%ff/events"]) {
      const response = await server.fetch(`/rooms/${path}`);
      expect([path, response.status]).toEqual([path, 400]);
      expect(await response.json()).toMatchObject({ code: "invalid_room" });
    }
  });

  test("list their members, and count who only reads", async () => {
    const client = await server.connect();
    await client.join("full", { username: "Ada" });
    using reader = new EventReader(`${server.url}/rooms/full/events`);
    await reader.stand();
    expect(await server.json("/rooms/full/members")).toMatchObject({
      members: [{ id: client.frames[0]?.user.id, name: "Ada", connections: 1 }],
      memberCount: 1,
      observers: 1,
    });
    client.close();
    await eventually("an empty room", async () => {
      return (await server.json("/rooms/full/members")).memberCount === 0;
    });
    expect((await server.fetch("/rooms/no%20room/members")).status).toBe(400);
  });
});

describe("with tokens", () => {
  const anyRoom = { "*": ["read", "write", "admin"] };
  const asked = async (rooms: Record<string, string[]>) => ({
    authorization: `Bearer ${await createToken({ sub: "alice", rooms })}`,
  });

  test("a room is forgotten by whoever may administer it, and its numbering goes on", async () => {
    await using guarded = await TestServer.start({ ...withTokens, durability: "process" });
    const headers = await asked(anyRoom);
    const url = `${guarded.url}/rooms/hall`;
    const publish = () => fetch(`${url}/messages`, { method: "POST", body: "hi", headers });
    const { position } = await (await publish()).json();
    for (let index = 0; index < 600; index += 1) await publish();
    const forbidden = await asked({ hall: ["read", "write"] });
    expect((await fetch(url, { method: "DELETE", headers: forbidden })).status).toBe(403);
    expect((await fetch(url, { method: "DELETE", headers })).status).toBe(204);
    const past = await (await fetch(`${url}/messages?since=${position}`, { headers })).json();
    expect(past).toMatchObject({ messages: [], more: false });
    expect(past.gap).toMatchObject({ reason: "trimmed", from: position });
    expect((await (await publish()).json()).position).toEndWith(":602");
  });

  test("a forgotten room is listed only while somebody is in it", async () => {
    await using guarded = await TestServer.start(withTokens);
    const headers = await asked(anyRoom);
    const url = `${guarded.url}/rooms`;
    const names = async () => {
      const { rooms } = await (await fetch(url, { headers })).json();
      return rooms.map(({ room }: { room: string }) => room);
    };
    for (const room of ["attic", "hall"]) {
      await fetch(`${url}/${room}/messages`, { method: "POST", body: "hi", headers });
    }
    expect(await names()).toEqual(["attic", "hall"]);
    await fetch(`${url}/hall`, { method: "DELETE", headers });
    expect(await names()).toEqual(["attic"]);
    const reader = await fetch(`${url}/hall/events`, { headers });
    expect(await names()).toEqual(["attic", "hall"]);
    await reader.body?.cancel();
    await eventually("a list without it", async () => (await names()).length === 1);
  });

  test("a list shows what may be read, and where to go on when that is little", async () => {
    await using guarded = await TestServer.start(withTokens);
    const all = await asked(anyRoom);
    const one = await asked({ "z-last": ["read"] });
    const names = Array.from({ length: 30 }, (_, index) => `a-${index}`);
    for (const name of [...names, "z-last"]) {
      const url = `${guarded.url}/rooms/${name}/messages`;
      await fetch(url, { method: "POST", body: "hi", headers: all });
    }
    const list = async (query: string, headers: Record<string, string>) =>
      (await fetch(`${guarded.url}/rooms?${query}`, { headers })).json();
    const few = await list("limit=5", one);
    expect(few.rooms.map(({ room }: { room: string }) => room)).toEqual(["z-last"]);
    expect(few).toMatchObject({ more: false, next: null });
    const page = await list("limit=30", all);
    expect(page).toMatchObject({ more: true, next: page.rooms.at(-1).room });
    const rest = await list(`limit=30&after=${page.next}`, all);
    expect(rest.rooms.map(({ room }: { room: string }) => room)).toEqual(["z-last"]);
  });
});
