import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import { testTransport } from "../contract/transport.ts";
import { TestServer } from "../support/server.ts";
import { Tcp } from "../support/tcp.ts";
import { overPaging } from "../support/transports.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

function post(room: string, type: string | null, body: BodyInit, headers: object = {}) {
  const all = type === null ? { ...headers } : { "content-type": type, ...headers };
  const init = { method: "POST", headers: all, body };
  return server.fetch(`/rooms/${room}/messages`, init);
}

/** The newest message of a room. */
async function newest(room: string) {
  return (await server.json(`/rooms/${room}/messages?limit=1`)).messages[0];
}

describe("publishing over HTTP", () => {
  test("answers 201 with the position, and 200 for a duplicate", async () => {
    const first = await post("ids", "application/json", '{"content":{"a":[1]},"id":"one"}');
    expect(first.status).toBe(201);
    const { position, ...rest } = await first.json();
    expect(position).toMatch(/^[0-9a-z]+:1$/);
    expect(rest).toEqual({ id: "one", duplicate: false });
    const second = await post("ids", "application/json", '{"content":2,"id":"one"}');
    expect([second.status, await second.json()]).toEqual([
      200,
      { position, id: "one", duplicate: true },
    ]);
    const third = await post("ids", "text/plain", "x", { "idempotency-key": "one" });
    expect([third.status, (await third.json()).position]).toEqual([200, position]);
    expect(await newest("ids")).toMatchObject({ id: "one", content: { a: [1] } });
  });

  test("lets the header win over the id in the body", async () => {
    const body = '{"content":1,"id":"body"}';
    const answer = await post("keys", "application/json", body, { "idempotency-key": "header" });
    expect((await answer.json()).id).toBe("header");
  });

  test("takes text, bytes, JSON and what curl sends, each as it is meant", async () => {
    const form = "application/x-www-form-urlencoded";
    const cases: [string | null, BodyInit, object][] = [
      ["application/json", '{"content":null}', { content: null }],
      ["application/json; charset=utf-8", ' {"content":"я"} ', { content: "я" }],
      ["Application/JSON", '{"content":0}', { content: 0 }],
      ["text/plain", "", { content: "" }],
      ["text/plain;charset=UTF-8", 'a=b&c "\n', { content: 'a=b&c "\n' }],
      ["text/plain", '{"content":1}', { content: '{"content":1}' }],
      ["application/octet-stream", new Uint8Array([0, 255]), { bytes: "AP8=" }],
      ["application/octet-stream", "", { bytes: "" }],
      [form, "hello world", { content: "hello world" }],
      [form, "a=b&c=d%20", { content: "a=b&c=d%20" }],
      [form, '{"content":{"x":1}}', { content: { x: 1 } }],
      [form, '{"other":1}', { content: '{"other":1}' }],
      [form, "{not json", { content: "{not json" }],
      [null, new Uint8Array(Buffer.from("no type")), { content: "no type" }],
    ];
    for (const [type, body, expected] of cases) {
      const answer = await post("kinds", type, body);
      expect([type, body, answer.status]).toEqual([type, body, 201]);
      expect(await newest("kinds")).toMatchObject(expected);
    }
  });

  test("takes what curl -d sends", async () => {
    const curl = ["curl", "-s", "-d", "hello from curl", `${server.url}/rooms/curl/messages`];
    const answer = await new Response(Bun.spawn(curl).stdout).json();
    expect(answer).toMatchObject({ duplicate: false });
    expect(await newest("curl")).toMatchObject({ content: "hello from curl" });
  });

  test("names the sender, who is anonymous, as asked", async () => {
    await post("names", "application/json", '{"content":1,"username":"Ada"}');
    const { from } = await newest("names");
    expect(from).toMatchObject({ id: expect.stringMatching(/^~[0-9a-z]{12}$/), name: "Ada" });
    await server.fetch("/rooms/names/messages?username=Gr%C3%A4fin", { method: "POST", body: "x" });
    expect((await newest("names")).from.name).toBe("Gräfin");
    await post("names", "text/plain", "x");
    expect((await newest("names")).from.name).toBe("anonymous");
  });

  test("refuses what is malformed with a problem that says what", async () => {
    const json = "application/json";
    const cases: [number, string, string, string | null, BodyInit, object?][] = [
      [400, "bad_frame", "JSON", json, "{"],
      [400, "bad_frame", "JSON", json, ""],
      [400, "bad_frame", '"content"', json, "[1]"],
      [400, "bad_frame", '"content"', json, '{"id":"x"}'],
      [400, "bad_frame", '"id"', json, '{"content":1,"id":7}'],
      [400, "bad_frame", '"id"', json, '{"content":1,"id":"\\ud800"}'],
      [400, "bad_frame", '"username"', json, '{"content":1,"username":""}'],
      [400, "bad_frame", '"id"', "text/plain", "x", { "idempotency-key": "k".repeat(129) }],
      [400, "bad_frame", "UTF-8", "text/plain", new Uint8Array([0xff])],
      [400, "bad_frame", "image/png", "image/png", "x"],
      [400, "bad_frame", "multipart", "multipart/form-data; boundary=x", "x"],
    ];
    for (const [status, code, text, type, body, headers] of cases) {
      const answer = await post("bad", type, body, headers);
      expect([body, answer.status]).toEqual([body, status]);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      const detail = expect.stringContaining(text);
      expect(await answer.json()).toMatchObject({ status, code, detail });
    }
    expect((await post("no%20room", json, '{"content":1}')).status).toBe(400);
    const forbidden = await post("%24clock", json, '{"content":1}');
    expect([forbidden.status, (await forbidden.json()).code]).toEqual([403, "forbidden"]);
    expect((await server.json("/rooms/bad/messages")).messages).toEqual([]);
  });

  test("takes a body at the limit and refuses one byte more, announced or not", async () => {
    const { frameBytesMax } = limits;
    const stream = (bytes: number) =>
      new ReadableStream({
        start(controller) {
          for (let sent = 0; sent < bytes; sent += 65_536) {
            controller.enqueue(new Uint8Array(Math.min(65_536, bytes - sent)));
          }
          controller.close();
        },
      });
    const type = "application/octet-stream";
    expect((await post("size", type, new Uint8Array(frameBytesMax))).status).toBe(201);
    expect((await post("size", type, stream(frameBytesMax))).status).toBe(201);
    for (const body of [new Uint8Array(frameBytesMax + 1), stream(frameBytesMax + 1)]) {
      const answer = await post("size", type, body);
      expect([answer.status, (await answer.json()).code]).toEqual([413, "too_large"]);
    }
    const deep = "[".repeat(500_000) + "]".repeat(500_000);
    const answer = await post("size", "application/json", `{"content":${deep}}`);
    expect([answer.status, (await answer.json()).code]).toEqual([400, "bad_frame"]);
  });

  test("refuses an announced length over the limit before the body comes", async () => {
    using tcp = new Tcp(server.port);
    tcp.request(
      "POST /rooms/size/messages HTTP/1.1",
      "Content-Type: text/plain",
      "Content-Length: 100000000",
    );
    tcp.write("only this much");
    await tcp.match(/^HTTP\/1.1 413/);
  });
});

describe("reading over HTTP", () => {
  test("pages forwards and backwards to both ends", async () => {
    for (let content = 1; content <= 7; content += 1) await server.publish("pages", content);
    const read = async (query: string) => {
      const { messages, more, position, gap } = await server.json(`/rooms/pages/messages?${query}`);
      const contents = messages.map(({ content }: { content: number }) => content);
      return { contents, more, position, gap };
    };
    const first = await read("since=start&limit=3");
    expect([first.contents, first.more]).toEqual([[1, 2, 3], true]);
    const second = await read(`since=${first.position}&limit=4`);
    expect([second.contents, second.more]).toEqual([[4, 5, 6, 7], false]);
    expect((await read(`since=${second.position}`)).contents).toEqual([]);
    expect((await read("since=end")).position).toBe(second.position);
    const last = await read("limit=3");
    expect([last.contents, last.more]).toEqual([[5, 6, 7], true]);
    const fifth = second.position.replace(/7$/, "5");
    expect((await read(`before=${encodeURIComponent(fifth)}&limit=9`)).contents).toEqual([
      1, 2, 3, 4,
    ]);
    const reset = await read("since=zzz:3");
    expect(reset.contents).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(reset.gap).toMatchObject({ reason: "reset", from: "zzz:3" });
  });

  test("refuses a bad query", async () => {
    for (const query of [
      "since=now",
      "since=",
      "before=x",
      "limit=0",
      "limit=501",
      "limit=x",
      "limit=",
      "limit=1.5",
      "since=start&before=end",
    ]) {
      const answer = await server.fetch(`/rooms/pages/messages?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
      expect(await answer.json()).toMatchObject({ code: "bad_frame" });
    }
    const past = await server.fetch("/rooms/no%20room/messages");
    expect(await past.json()).toMatchObject({ code: "invalid_room" });
  });

  test("has the server's own rooms as well", async () => {
    const answer = await server.fetch("/rooms/$server/messages?since=start");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toStartWith("application/json");
  });
});

testTransport(overPaging);
