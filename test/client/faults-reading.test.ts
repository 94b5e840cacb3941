import { describe, expect, test } from "bun:test";
import { connect, type Message } from "../../src/client/index.ts";
import { Chance } from "../support/chance.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

const seed = 7;
/** More than an iteration holds. */
const messagesMax = 3_000;
const cutEvery = 300;

/** Publishes numbers as fast as the server stores them. */
async function publishMany(server: TestServer, from: number, to: number): Promise<void> {
  using line = connect(server.url, { pendingMax: messagesMax });
  const room = line.join("general");
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  await Promise.all(numbers.map((number) => room.publish(number)));
}

function toOffset(position: string): number {
  return Number(position.split(":")[1]);
}

describe("a slow iteration", () => {
  for (const transport of ["websocket", "sse"] as const) {
    test(`by ${transport} reads on from the log over cuts, all of it, in order`, async () => {
      await using server = await TestServer.start();
      using proxy = new FaultProxy(server.port, {}, seed);
      using line = connect(proxy.url, { transport });
      line.on("state", ({ name }) => {
        if (name === "waiting") setTimeout(() => line.retry(), 1);
      });
      const room = line.join("general", { since: "start" });
      const publishing = publishMany(server, 1, messagesMax);
      let heard = 0;
      room.on("message", () => {
        heard += 1;
      });
      const chance = new Chance(seed);
      const numbers: unknown[] = [];
      for await (const { content } of room) {
        numbers.push(content);
        if (numbers.length === 1) await eventually("all of it", () => heard === messagesMax);
        if (numbers.length % cutEvery === 0) proxy.cut(chance.isLucky(0.5) ? "fin" : "rst");
        if (numbers.length === messagesMax) break;
      }
      await publishing;
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }, 20_000);
  }

  test("is told of what is no longer kept, with the message after it", async () => {
    const retention = { messagesMax: 500, ageMsMax: 0, bytesMax: 0 };
    await using server = await TestServer.start({ retention });
    using line = connect(server.url);
    const room = line.join("general", { since: "start" });
    const messages: Message[] = [];
    await server.publish("general", 1);
    for await (const message of room) {
      messages.push(message);
      if (messages.length === 1) await publishMany(server, 2, messagesMax);
      if (message.content === messagesMax) break;
    }
    let previous = 0;
    const gaps: number[] = [];
    for (const { position, gap } of messages) {
      if (gap !== undefined) {
        expect(toOffset(gap.from ?? "")).toBe(previous);
        previous = toOffset(gap.to);
        gaps.push(previous);
      }
      expect(toOffset(position)).toBe(previous + 1);
      previous = toOffset(position);
    }
    expect(gaps).toHaveLength(1);
  }, 20_000);
});

test("a message that comes twice, or late, is heard once", async () => {
  const tell = (offset: number) => ({
    type: "message",
    room: "general",
    position: `e:${offset}`,
    id: `${offset}`,
    from: { id: "robot", name: "Robot" },
    at: 0,
    content: offset,
  });
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request, server) {
      const headers = { "sec-websocket-protocol": "partyline.v1" };
      return server.upgrade(request, { headers }) ? undefined : new Response(null, { status: 426 });
    },
    websocket: {
      open(socket) {
        const user = { id: "~1", name: "Guest" };
        const welcome = { type: "welcome", connection: "1", user, limits: {}, server: {} };
        socket.send(JSON.stringify(welcome));
      },
      message(socket, text) {
        const { ref, room } = JSON.parse(String(text));
        const nobody = { members: [], memberCount: 0, observers: 0, recovered: true };
        socket.send(JSON.stringify({ type: "joined", ref, room, position: "e:0", ...nobody }));
        for (const offset of [1, 1, 2, 1, 3, 2, 3, 4]) socket.send(JSON.stringify(tell(offset)));
      },
    },
  });
  using line = connect(server.url.href);
  const room = line.join("general", { since: "start" });
  const heard: unknown[] = [];
  room.on("message", ({ content }) => heard.push(content));
  const iterated: unknown[] = [];
  for await (const { content } of room) {
    iterated.push(content);
    if (content === 4) break;
  }
  expect({ heard, iterated }).toEqual({ heard: [1, 2, 3, 4], iterated: [1, 2, 3, 4] });
});
