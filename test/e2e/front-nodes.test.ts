import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { LineState } from "../../src/client/index.ts";
import { FrontNodes, hasFrontPrograms, startFront } from "../support/front-nodes.ts";
import { eventually } from "../support/poll.ts";
import { ask, connectThrough, fetchThrough, follow } from "../support/proxied.ts";

const roomsPerHour = 10;
/** Far below the 15 s after which a comment would push out what a proxy held back. */
const soonMs = 8_000;
const bodyBytes = 1_048_000;

describe.each(["nginx", "haproxy", "caddy"] as const)("two nodes behind %s", (name) => {
  const isLeftOut = !hasFrontPrograms(name);
  let front: FrontNodes;
  beforeAll(async () => {
    if (isLeftOut) return;
    const flags = ["--rooms-per-hour", String(roomsPerHour), "--drain-delay", "0s"];
    front = await FrontNodes.start(name, ...flags);
  }, 30_000);
  afterAll(() => front?.[Symbol.asyncDispose]());

  test.skipIf(isLeftOut)("WebSockets on both hear each other", async () => {
    const heard = new Set<string>();
    const lines = [0, 1, 2, 3].map((index) => {
      const line = connectThrough(front.proxy, { transport: "websocket" });
      const room = line.join<string>("shared", { since: "start" });
      room.on("message", ({ content }) => heard.add(`${index} ${content}`));
      return { line, room };
    });
    await eventually("all in the room", () => lines.every(({ room }) => room.isJoined));
    expect(await front.countOpened(0)).toBeGreaterThan(0);
    expect(await front.countOpened(1)).toBeGreaterThan(0);
    await Promise.all(lines.map(({ room }, index) => room.publish(`from ${index}`)));
    await eventually("all of all", () => heard.size === lines.length ** 2);
    for (const { line } of lines) line.close();
  });

  test.skipIf(isLeftOut)("the first bytes of a stream and each event come at once", async () => {
    await using one = follow(front.proxy, "streamed");
    await using other = follow(front.proxy, "streamed");
    const both = (text: string) => [one, other].every((stream) => stream.text().includes(text));
    await eventually("the first bytes", () => both("\nid: "), soonMs);
    for (const content of ["one", "two", "three"]) {
      const { status } = await ask(front.proxy, "/rooms/streamed/messages", "-d", content);
      expect(status).toBe(201);
      await eventually(content, () => both(`"${content}"`), soonMs);
    }
  });

  test.skipIf(isLeftOut)("a large body comes whole, with a length and in chunks", async () => {
    const path = join(front.folder, "large");
    await Bun.write(path, "x".repeat(bodyBytes));
    const publish = ["-H", "Content-Type: text/plain", "--data-binary", `@${path}`];
    const newest = "/rooms/large/messages?limit=1";
    for (const more of [[], ["-H", "Transfer-Encoding: chunked"]]) {
      const answer = await ask(front.proxy, "/rooms/large/messages", ...publish, ...more);
      expect(answer.status).toBe(201);
      const { messages } = await (await fetchThrough(front.proxy, newest)).json();
      const { position } = JSON.parse(answer.body.toString());
      expect([messages[0].position, messages[0].content.length]).toEqual([position, bodyBytes]);
    }
  });

  test.skipIf(isLeftOut)("a body is handed on while it comes", async () => {
    const { promise: hasBegun, resolve: begin } = Promise.withResolvers<null>();
    await using server = Bun.serve({
      port: 0,
      async fetch({ body }) {
        for await (const _ of body ?? []) begin(null);
        return new Response();
      },
    });
    await using proxy = await startFront(name, [server.port ?? 0, server.port ?? 0]);
    const body = new ReadableStream({
      async pull(controller) {
        controller.enqueue(new Uint8Array(100_000));
        await hasBegun; // which it never has where a proxy waits for the end
        controller.close();
      },
    });
    const { status } = await fetchThrough(proxy, "/", { method: "POST", body });
    expect(status).toBe(200);
  });

  test.skipIf(isLeftOut)(
    "who dies over a GET is replaced, over a POST it may have been done",
    async () => {
      const asked: string[] = [];
      const headers = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      const listen = () => {
        return Bun.listen({
          hostname: "127.0.0.1",
          port: 0,
          socket: {
            data(socket, data) {
              const [method = "", path] = data.toString().split(" ");
              if (path === undefined) return; // a body behind its head
              if (path === "/dying") asked.push(method);
              if (path !== "/dying" || asked.length > 1) socket.write(headers);
              socket.end();
            },
          },
        });
      };
      using one = listen();
      using other = listen();
      await using proxy = await startFront(name, [one.port, other.port]);
      const publish = { method: "POST", body: "x" };
      expect((await fetchThrough(proxy, "/dying", publish)).status).toBe(502);
      expect(asked).toEqual(["POST"]);
      asked.length = 0;
      expect((await fetchThrough(proxy, "/dying")).status).toBe(200);
      expect(asked).toEqual(["GET", "GET"]);
    },
  );

  test.skipIf(isLeftOut)(
    "connections stay while no node is ready, since Redis is away",
    async () => {
      using line = connectThrough(front.proxy, { transport: "websocket" });
      const room = line.join("staying");
      const heard: unknown[] = [];
      room.on("message", ({ content }) => heard.push(content));
      await room.publish("before");
      const states: LineState[] = [];
      line.on("state", (state) => states.push(state));
      await front.redis.stop();
      const path = "/rooms/staying/messages";
      await eventually(
        "a refusal",
        async () => (await fetchThrough(front.proxy, path)).status === 503,
      );
      const later = room.publish("after");
      await front.redis.restart();
      await later;
      await eventually("both messages", () => heard.length === 2);
      expect([heard, states]).toEqual([["before", "after"], []]);
    },
  );

  test.skipIf(isLeftOut)("clients are told apart on both nodes, and in their logs", async () => {
    const begin = async (address: string, room: string) => {
      const from = ["--interface", address, "-d", "x"];
      return (await ask(front.proxy, `/rooms/${room}/messages`, ...from)).status;
    };
    const statuses: (number | string)[] = [];
    for (let index = 0; index <= 2 * roomsPerHour; index += 1) {
      statuses.push(await begin("127.0.0.2", `own-${index}`));
    }
    expect(statuses).toContain(429); // each node counts by itself
    expect(await begin("127.0.0.3", "more")).toBe(201);
    for (const _ of front.nodes) {
      await using stream = follow(front.proxy, "shared", "--interface", "127.0.0.4");
      await eventually("the first bytes", () => stream.text().includes("\nid: "));
    }
    const logs = front.nodes.map(async (node) => (await node.end("SIGTERM")).err);
    const all = (await Promise.all(logs)).join("");
    expect(all).toContain('"address":"127.0.0.4"');
    expect(all).toContain('"address":"127.0.0.1"');
  });

  test.skipIf(isLeftOut)("what is asked once a server is dead is asked of the other", async () => {
    await using other = await FrontNodes.start(name);
    await other.nodes[0]?.end("SIGKILL");
    // Caddy 2.6 has no body left for a second try.
    const init = name === "caddy" ? {} : { method: "POST", body: "x" };
    for (let count = 0; count < 10; count += 1) {
      const { ok } = await fetchThrough(other.proxy, "/rooms/left/messages", init);
      expect(ok).toBe(true);
    }
  });
});
