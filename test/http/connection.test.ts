import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Connects several clients to a room; `fields` are those of the join of each. */
async function meet(room: string, ...fields: object[]): Promise<Client[]> {
  const clients: Client[] = [];
  for (const each of fields) {
    const client = await server.connect();
    expect((await client.join(room, each)).type).toBe("joined");
    clients.push(client);
  }
  return clients;
}

/** A client's binary frame. */
function binary(kind: number, room: string, payload: number[]): Uint8Array {
  return new Uint8Array([kind, room.length, ...Buffer.from(room), ...payload]);
}

describe("a message with bytes", () => {
  test("reaches those who asked for binary frames as one, and the others as JSON", async () => {
    const [sender, bytesReader, jsonReader] = await meet("bytes", {}, { binary: true }, {});
    sender?.send(binary(1, "bytes", [0, 255, 10]));
    const ack = await sender?.next("ack");
    expect(ack).toMatchObject({ room: "bytes", duplicate: false });
    expect(await jsonReader?.next("message")).toMatchObject({ bytes: "AP8K", id: ack?.id });
    expect(await sender?.next("message")).toMatchObject({ bytes: "AP8K" });
    const [frame] = await eventually("a binary frame", () =>
      bytesReader?.binaryFrames.length ? bytesReader.binaryFrames : null,
    );
    const offset = [0, 0, 0, 0, 0, 0, 0, 1];
    expect([...(frame ?? [])]).toEqual([1, 5, ...Buffer.from("bytes"), ...offset, 0, 255, 10]);
    await server.publish("bytes", "json");
    expect(await bytesReader?.next("message")).toMatchObject({ content: "json" });
    expect(bytesReader?.all("message")).toHaveLength(1);
  });

  test("is binary in what was missed as well, and its bytes are not the next frame's", async () => {
    const [sender] = await meet("copied", {});
    for (let byte = 0; byte < 100; byte += 1)
      sender?.send(binary(1, "copied", Array(50).fill(byte)));
    await sender?.settle();
    const [late] = await meet("copied", { since: "start", binary: true });
    await eventually("a hundred frames", () => late?.binaryFrames.length === 100);
    const payloads = late?.binaryFrames.map((frame) => [...frame.subarray(2 + 6 + 8)]);
    expect(payloads).toEqual(Array.from({ length: 100 }, (_, byte) => Array(50).fill(byte)));
  });

  test("is refused like any other frame", async () => {
    const [client] = await meet("refused", {});
    client?.send(binary(1, "elsewhere", [1]));
    expect(await client?.next("error")).toMatchObject({ code: "not_joined" });
    client?.send(binary(7, "refused", [1]));
    expect(await client?.next("error")).toMatchObject({ code: "bad_frame" });
    client?.send(binary(1, "no room", [1]));
    expect(await client?.next("error")).toMatchObject({ code: "invalid_room" });
  });
});

describe("a signal", () => {
  test("reaches all others at once and is not kept", async () => {
    const [sender, other, bytesReader] = await meet("signals", {}, {}, { binary: true });
    sender?.send({ type: "signal", room: "signals", content: { typing: true } });
    const from = { id: sender?.frames[0]?.user.id };
    const signal = { type: "signal", room: "signals", from, content: { typing: true } };
    expect(await other?.next("signal")).toMatchObject(signal);
    expect(await bytesReader?.next("signal")).toMatchObject(signal);
    sender?.send(binary(2, "signals", [7]));
    expect(await other?.next("signal")).toMatchObject({ from, bytes: "Bw==" });
    const [frame] = await eventually("a binary signal", () =>
      bytesReader?.binaryFrames.length ? bytesReader.binaryFrames : null,
    );
    expect([...(frame ?? [])]).toEqual([2, 7, ...Buffer.from("signals"), ...Array(8).fill(0), 7]);
    await sender?.settle();
    expect(sender?.all("signal")).toEqual([]);
    expect((await server.json("/rooms/signals/messages")).messages).toEqual([]);
  });

  test("keeps its place between the messages of its sender", async () => {
    const [sender, reader] = await meet("order", {}, {});
    for (let index = 0; index < 20; index += 1) {
      await sender?.ask({ type: "message", room: "order", content: index });
      sender?.send({ type: "signal", room: "order", content: index });
    }
    await reader?.next("signal", ({ content }) => content === 19);
    const seen = reader?.frames.filter(({ type }) => type === "message" || type === "signal");
    expect(seen?.map(({ content }) => content)).toEqual(
      Array.from({ length: 40 }, (_, index) => Math.floor(index / 2)),
    );
  });
});

describe("presence", () => {
  test("tells of joins, names and leaves, and of nobody twice", async () => {
    const [ada] = await meet("party", { username: "Ada" });
    const [bob] = await meet("party", { username: "Bob" });
    const joined = await ada?.next("presence", (it) => it.joined.some((who) => who.name === "Bob"));
    expect(joined).toMatchObject({ room: "party", left: [], members: 2 });
    expect(await bob?.ask({ type: "members", room: "party" })).toMatchObject({
      members: [{ name: "Ada" }, { name: "Bob" }],
    });
    await bob?.join("party", { username: "Robert" });
    await ada?.next("presence", ({ joined: [who] }) => who?.name === "Robert");
    bob?.cut();
    const left = await ada?.next("presence", (it) => it.left.length > 0);
    expect(left).toMatchObject({ left: [{ name: "Robert" }], members: 1 });
  });

  test("comes after the answer to the join, never before", async () => {
    for (let index = 0; index < 300; index += 1) void server.publish("early", index);
    await server.publish("early", "last");
    for (let turn = 0; turn < 10; turn += 1) {
      const client = await server.connect();
      client.send({ type: "join", room: "early", since: "start" });
      await client.next("message", ({ content }) => content === "last");
      expect(client.frames[1]?.type).toBe("joined");
    }
  });
});

describe("a bad frame", () => {
  test("is answered, and the third in a row closes with 1008", async () => {
    const client = await server.connect();
    client.send("{");
    client.send("null");
    await client.ask({ type: "ping" });
    client.send("{");
    client.send(new Uint8Array([9]));
    expect(client.closed).toBeNull();
    client.send("");
    expect(await client.end()).toEqual({ code: 1008, reason: "bad_frame" });
    expect(client.all("error").map(({ code }) => code)).toEqual(Array(5).fill("bad_frame"));
  });

  test("that closed the connection is the last one that is obeyed", async () => {
    const client = await server.connect();
    await client.join("closing");
    for (let index = 0; index < 3; index += 1) client.send("x");
    client.send({ type: "message", room: "closing", content: "too late" });
    await client.end();
    expect((await server.json("/rooms/closing/messages")).messages).toEqual([]);
  });

  test("is one that is nested too deeply, up to the length of a frame", async () => {
    const client = await server.connect();
    await client.join("deep");
    const nest = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    const { contentDepthMax, frameBytesMax } = limits;
    for (const [type, field] of [
      ["message", "content"],
      ["signal", "content"],
      ["echo", "data"],
      ["ping", "data"],
    ]) {
      const text = (depth: number) =>
        `{"type":"${type}","ref":"${type}","room":"deep","${field}":${nest(depth)}}`;
      client.send(text(contentDepthMax));
      for (const depth of [contentDepthMax + 1, frameBytesMax / 2 - 100]) {
        client.send(text(depth));
        const error = await client.next("error", ({ ref }) => ref === type);
        expect([type, error.code, error.message]).toEqual([
          type,
          "bad_frame",
          expect.stringContaining(`"${field}"`),
        ]);
        await client.settle();
      }
    }
    client.send("[".repeat(frameBytesMax));
    expect(await client.next("error")).toMatchObject({ code: "bad_frame" });
    expect(client.all("ack")).toHaveLength(1);
    const { messages } = await client.ask({ type: "history", room: "deep" });
    expect(JSON.stringify(messages[0]?.content)).toBe(nest(contentDepthMax));
  });
});

test("text of every kind comes back as it was", async () => {
  const [client] = await meet("unicode", {});
  const contents = [
    "😀\u200d é \u2028 \0 \ud800",
    { __proto__: null, constructor: 1 },
    1.7976931348623157e308,
    -0.1,
    "",
    [[[]]],
  ];
  for (const content of contents) {
    await client?.ask({ type: "message", room: "unicode", content });
  }
  client?.send('{"type":"message","room":"unicode","content":{"__proto__":{"polluted":1}}}');
  await eventually("all messages", () => client?.all("message").length === contents.length + 1);
  const received = client?.all("message").map(({ content }) => JSON.stringify(content));
  expect(received).toEqual([
    ...contents.map((content) => JSON.stringify(content)),
    '{"__proto__":{"polluted":1}}',
  ]);
});

test("many rooms with long backlogs can be joined at once without being cut for it", async () => {
  const rooms = Array.from({ length: 60 }, (_, index) => `behind-${index}`);
  for (const room of rooms) {
    for (let left = 5; left > 0; left -= 1) await server.publish(room, "y".repeat(100_000));
  }
  const client = await server.connect();
  for (const room of rooms) client.send({ type: "join", room, since: "start" });
  await eventually("all of it, or a close", () => {
    return client.closed !== null || client.all("message").length === 5 * rooms.length;
  });
  expect(client.closed).toBeNull();
  expect(client.all("joined").every(({ recovered }) => recovered)).toBe(true);
});
