import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EventReader } from "../support/event-reader.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

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
