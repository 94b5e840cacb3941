import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EventReader } from "../support/event-reader.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ frameBytesMax: 4_096 });
});
afterAll(() => server[Symbol.asyncDispose]());

function signal(room: string, body: string | Uint8Array, type = "application/json", query = "") {
  const headers = { "content-type": type };
  const init = { method: "POST", headers, body: body as BodyInit };
  return server.fetch(`/rooms/${room}/signals${query}`, init);
}

async function codeOf(response: Promise<Response>): Promise<unknown> {
  const { status } = await response;
  const { code } = await (await response).json();
  return `${status} ${code}`;
}

describe("a signal over HTTP", () => {
  test("reaches members and observers, and is not kept", async () => {
    const member = await server.connect();
    await member.join("a");
    using observer = new EventReader(`${server.url}/rooms/a/events`);
    await observer.stand();
    const body = JSON.stringify({ content: { typing: true }, username: "Ann" });
    const response = await signal("a", body);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    const heard = await member.next("signal");
    expect(heard).toMatchObject({ room: "a", from: { name: "Ann" }, content: { typing: true } });
    expect(heard.from.id).toStartWith("~");
    await eventually("the signal on the stream", () => observer.named("signal").length === 1);
    expect((await server.json("/rooms/a/messages")).messages).toEqual([]);
  });

  test("may be text or bytes, which come as a binary frame to whoever wants that", async () => {
    const text = await server.connect();
    const binary = await server.connect();
    await text.join("b");
    await binary.join("b", { binary: true });
    await signal("b", "hello", "text/plain");
    expect((await text.next("signal")).content).toBe("hello");
    await signal("b", Uint8Array.of(0, 255, 16), "application/octet-stream", "?username=Bob");
    expect(await text.next("signal")).toMatchObject({ bytes: "AP8Q", from: { name: "Bob" } });
    const frame = await eventually("a binary frame", () => binary.binaryFrames[0]);
    expect([...frame.slice(-3)]).toEqual([0, 255, 16]);
    expect(frame[0]).toBe(2);
  });

  test("is taken where nobody is, and begins no room", async () => {
    expect((await signal("nobody", '{"content":1}')).status).toBe(204);
    const { rooms } = await server.json("/rooms");
    expect(JSON.stringify(rooms)).not.toContain("nobody");
  });

  test("is refused when it is malformed, too large, or not for the room", async () => {
    expect(await codeOf(signal("a", "{"))).toBe("400 bad_frame");
    expect(await codeOf(signal("a", "{}"))).toBe("400 bad_frame");
    expect(await codeOf(signal("a", "x", "image/png"))).toBe("400 bad_frame");
    expect(await codeOf(signal("a", '{"content":1,"username":"\\u0000"}'))).toBe("400 bad_frame");
    expect(await codeOf(signal("a%20b", '{"content":1}'))).toBe("400 invalid_room");
    expect(await codeOf(signal("$clock", '{"content":1}'))).toBe("403 forbidden");
    expect(await codeOf(signal("a", "x".repeat(4_097), "text/plain"))).toBe("413 too_large");
  });

  test("counts as a publish where those have a pace", async () => {
    await using slow = await TestServer.start({ publishesPerSecond: 1, publishesBurst: 1 });
    const ask = () => slow.fetch("/rooms/a/signals", { method: "POST", body: "x" });
    expect((await ask()).status).toBe(204);
    expect((await ask()).status).toBe(429);
  });
});
