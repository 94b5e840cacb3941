import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { WebSocket as ForeignSocket } from "ws";
import { limits } from "../../src/protocol/limits.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { Tcp, toFrame } from "../support/tcp.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const upgradeHeaders = ["Upgrade: websocket", "Connection: Upgrade"];

/** Upgrades, and resolves to the answer's head. */
async function upgrade(path: string, ...headers: string[]): Promise<string> {
  using tcp = new Tcp(server.port);
  tcp.upgrade(path, ...headers);
  const [head] = await tcp.match(/^[\s\S]*?\r\n\r\n/);
  return head;
}

describe("an upgrade", () => {
  test("is taken in any letter case", async () => {
    for (const path of ["/ws", "/ws/echo"]) {
      for (const word of ["websocket", "WebSocket", "WEBSOCKET"]) {
        for (const connection of ["Upgrade", "upgrade", "keep-alive, Upgrade"]) {
          const head = await upgrade(path, `Upgrade: ${word}`, `Connection: ${connection}`);
          expect(head).toStartWith("HTTP/1.1 101");
          expect(head).toContain("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        }
      }
    }
  });

  test("chooses our subprotocol where it is offered, and no other", async () => {
    const offer = (text: string) => upgrade("/ws", ...upgradeHeaders, text);
    for (const offered of ["partyline.v1", "chat, partyline.v1", "partyline.v1,chat"]) {
      const head = await offer(`Sec-WebSocket-Protocol: ${offered}`);
      expect(head).toMatch(/^sec-websocket-protocol: partyline\.v1\r$/im);
    }
    for (const offered of ["chat", "partyline.v2", "PARTYLINE.V1"]) {
      expect(await offer(`Sec-WebSocket-Protocol: ${offered}`)).not.toMatch(/partyline|chat/i);
    }
    expect(await upgrade("/ws", ...upgradeHeaders)).not.toMatch(/sec-websocket-protocol/i);
  });

  test("is asked for with 426 where there is none", async () => {
    for (const path of ["/ws", "/ws/echo"]) {
      const response = await server.fetch(path);
      expect([response.status, response.headers.get("upgrade")]).toEqual([426, "websocket"]);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({ status: 426, code: "bad_frame" });
    }
    expect(await upgrade("/ws", "Upgrade: h2c", "Connection: Upgrade")).toStartWith("HTTP/1.1 426");
  });
});

describe("fragments", () => {
  const { frameBytesMax } = limits;

  /** Sends text in fragments to the echo, and resolves to what came back after the handshake. */
  async function echo(bytes: number, fragments: number): Promise<Buffer> {
    using tcp = new Tcp(server.port);
    tcp.upgrade("/ws/echo", ...upgradeHeaders);
    const [head] = await tcp.match(/^HTTP\/1.1 101[\s\S]*?\r\n\r\n/);
    const payload = Buffer.alloc(bytes, "a");
    const size = Math.ceil(bytes / fragments);
    for (let index = 0; index < fragments; index += 1) {
      const part = payload.subarray(index * size, (index + 1) * size);
      tcp.write(toFrame(index === 0 ? 1 : 0, part, index === fragments - 1));
      tcp.write(toFrame(9, Buffer.from("ping"))); // a ping may stand between fragments
    }
    // The answer is one frame with a head of 10 bytes, or a close; pongs are short.
    await eventually("the echo or a close", () => tcp.isClosed || tcp.received.length > bytes);
    return Buffer.from(tcp.received.subarray(head.length));
  }

  test("are put together up to the limit", async () => {
    for (const fragments of [1, 2, 17]) {
      const echoed = await echo(frameBytesMax, fragments);
      expect(echoed.includes(Buffer.alloc(frameBytesMax, "a"))).toBe(true);
    }
  });

  test("of one byte more close with 1009", async () => {
    for (const fragments of [1, 2, 17]) {
      const closed = await echo(frameBytesMax + 1, fragments);
      const at = closed.indexOf(Buffer.from([0x03, 0xf1]));
      expect(at).toBeGreaterThan(0);
      expect(closed[at - 2]).toBe(0x88);
      expect(closed.length).toBeLessThan(1_000);
    }
  });

  test("of a frame for a room are put together as well", async () => {
    using tcp = new Tcp(server.port);
    tcp.upgrade("/ws", ...upgradeHeaders);
    await tcp.match(/welcome/);
    const text = Buffer.from('{"type":"ping","data":"п😀"}');
    for (let index = 0; index < text.length; index += 1) {
      const part = text.subarray(index, index + 1); // within its signs, too
      tcp.write(toFrame(index === 0 ? 1 : 0, part, index === text.length - 1));
    }
    const pong = Buffer.from('{"type":"pong","data":"п😀"}').toString("latin1");
    await eventually("the pong", () => tcp.text.includes(pong));
  });
});

test("text and binary frames come back from the echo as they were", async () => {
  const socket = new ForeignSocket(`${server.socketUrl}/echo`);
  const received: [string, boolean][] = [];
  socket.on("message", (data, isBinary) => received.push([String(data), isBinary]));
  await eventually("the connection", () => socket.readyState === ForeignSocket.OPEN);
  const texts = ["0012", " 12", "1e3", '{"a": 1.0}', "", "я"];
  for (const text of texts) socket.send(text);
  socket.send(Buffer.from("raw"), { binary: true });
  await eventually("all echoes", () => received.length === texts.length + 1);
  expect(received).toEqual([...texts.map((text) => [text, false]), ["raw", true]] as never);
  socket.terminate();
});
