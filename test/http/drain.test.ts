import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Elysia } from "elysia";
import type { ConfigOverrides } from "../../src/config.ts";
import { partyline, webSocketOptions } from "../../src/index.ts";
import { Client } from "../support/client.ts";
import { EventReader } from "../support/event-reader.ts";
import { HeldSleep } from "../support/held-sleep.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { undisturbed } from "../support/stall-watch.ts";
import { Tcp } from "../support/tcp.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const gentle: ConfigOverrides = { drainWindowMs: 60_000 };

/** Holds a server's drain open by a publish whose body does not end; resolves once it is under way. */
async function hold(server: TestServer): Promise<Tcp> {
  const tcp = new Tcp(server.port);
  const head = ["Content-Length: 10", "Expect: 100-continue"];
  tcp.request("POST /rooms/hall/messages HTTP/1.1", ...head);
  await tcp.match(/^HTTP\/1.1 100 /);
  tcp.write("slow");
  return tcp;
}

/** Lets it end. */
async function letGo(tcp: Tcp): Promise<void> {
  tcp.write(" coach");
  await tcp.match(/HTTP\/1.1 201 /);
}

describe("a server that stops", () => {
  test("tells each client its own time to come back, and closes with 1012", async () => {
    await using server = await TestServer.start(gentle);
    const clients = await Promise.all(Array.from({ length: 10 }, () => server.connect()));
    const readers = clients.map(() => new EventReader(`${server.url}/rooms/hall/events`));
    for (const reader of readers) await reader.stand();
    const startedAt = performance.now();
    await server.stop();
    expect(performance.now() - startedAt).toBeLessThan(15_000); // the window is not waited for
    const delays = new Set<number>();
    for (const client of clients) {
      const { reconnectAfterMs } = (await client.next("draining")) as { reconnectAfterMs?: number };
      delays.add(reconnectAfterMs ?? 0);
      expect(await client.end()).toEqual({ code: 1012, reason: "draining" });
    }
    for (const reader of readers) {
      await eventually("the end of a stream", () => reader.isEnded);
      const delay = reader.retries.at(-1) ?? 0;
      expect(reader.named("draining")).toMatchObject([{ reconnectAfterMs: delay }]);
      delays.add(delay);
      reader[Symbol.dispose]();
    }
    expect(delays.size).toBeGreaterThan(15); // a few may be rounded to the same millisecond
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(250);
    expect(Math.max(...delays)).toBeLessThanOrEqual(250 + 20 * 50);
    await expect(server.fetch("/livez")).rejects.toThrow();
  });

  test("spreads hundreds of them evenly over the window", async () => {
    await using server = await TestServer.start({ drainWindowMs: 1_000 });
    const clients = await Promise.all(Array.from({ length: 300 }, () => server.connect()));
    await server.stop();
    const slots = Array<number>(10).fill(0);
    for (const client of clients) {
      const { reconnectAfterMs } = (await client.next("draining")) as { reconnectAfterMs?: number };
      const slot = Math.min(9, Math.floor((((reconnectAfterMs ?? 0) - 250) / 750) * 10));
      slots[slot] = (slots[slot] ?? 0) + 1;
    }
    expect(slots.reduce((sum, count) => sum + count, 0)).toBe(300);
    for (const count of slots) expect(Math.abs(count - 30)).toBeLessThanOrEqual(5);
  });

  test("says so to machines and takes nobody in while something is under way", async () => {
    await using server = await TestServer.start(gentle);
    const client = await server.connect();
    using under = await hold(server);
    const stopped = server.stop();
    await client.end();
    const readiness = await server.fetch("/readyz");
    expect([readiness.status, await readiness.json()]).toEqual([
      503,
      { status: "unavailable", reason: "draining" },
    ]);
    expect((await server.fetch("/livez")).status).toBe(200);
    for (const path of [
      "/rooms/hall/events",
      "/events?room=hall",
      "/rooms",
      "/rooms/hall/messages",
    ]) {
      const answer = await server.fetch(path);
      expect([path, answer.status]).toEqual([path, 503]);
      expect(answer.headers.get("connection")?.toLowerCase()).toBe("close");
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      expect(await answer.json()).toMatchObject({ code: "draining" });
    }
    for (const path of ["/ws", "/ws/echo"]) {
      using tcp = new Tcp(server.port);
      tcp.upgrade(path, "Upgrade: websocket", "Connection: Upgrade");
      const [answer] = await tcp.match(/^HTTP\/1.1 503 [\s\S]*"code":"draining"/);
      expect(answer).toMatch(/^retry-after: \d+\r$/im);
    }
    await letGo(under);
    await stopped;
    await expect(server.fetch("/livez")).rejects.toThrow();
  });

  test("only says so at first, for as long as it is told to", async () => {
    const drainDelayMs = 123_456;
    using delay = new HeldSleep(drainDelayMs);
    await using server = await TestServer.start({ drainDelayMs, ...gentle });
    const client = await server.connect();
    const stopped = server.stop();
    expect((await server.fetch("/readyz")).status).toBe(503);
    await server.publish("hall", 1);
    const late = await server.connect();
    await client.settle();
    expect(client.all("draining")).toEqual([]);
    expect(delay.begun).toBe(1);
    delay.letGo();
    await stopped;
    for (const each of [client, late]) expect((await each.end()).code).toBe(1012);
  });

  test("lets a download end that its reader takes slowly", async () => {
    using folder = createTemporaryFolder();
    const bytes = 24 * 1_048_576;
    await Bun.write(join(folder.path, "large.bin"), new Uint8Array(bytes));
    await using server = await TestServer.start({ files: folder.path, ...gentle });
    using tcp = new Tcp(server.port);
    tcp.request("GET /files/large.bin HTTP/1.1");
    await tcp.match(/\r\n\r\n/);
    tcp.socket.pause();
    const stopped = server.stop();
    await eventually("the drain", async () => (await server.fetch("/rooms")).status === 503);
    tcp.socket.resume();
    await stopped;
    const length = () => tcp.received.length - tcp.received.indexOf("\r\n\r\n") - 4;
    await eventually("the end", () => length() === bytes);
  });

  test("cuts what is under way once its time is over", async () => {
    await using server = await TestServer.start({ drainTimeoutMs: 200 });
    using under = await hold(server);
    await server.stop();
    await eventually("the end", () => under.isClosed);
    expect(under.text).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  });

  test("closes an echo, too", async () => {
    await using server = await TestServer.start(gentle);
    const echo = new Client(`${server.socketUrl}/echo`);
    await eventually("the connection", () => echo.socket.readyState === WebSocket.OPEN);
    await server.stop();
    expect(await echo.end()).toEqual({ code: 1012, reason: "draining" });
  });

  test("ends at once where nobody is connected, whatever its window", async () => {
    const stoppedMs = await undisturbed(100, async () => {
      await using server = await TestServer.start(gentle);
      await server.fetch("/livez");
      const startedAt = performance.now();
      await Promise.all([server.stop(), server.stop()]);
      return performance.now() - startedAt;
    });
    expect(stoppedMs).toBeLessThan(500);
  });
});

describe("a publish under way when the server stops", () => {
  test("over HTTP is stored, or refused, and never half", async () => {
    await using server = await TestServer.start({ durability: "process" });
    const publishes = Array.from({ length: 200 }, (_, index) =>
      server.publish("hall", index, `id-${index}`).catch(() => null),
    );
    await Promise.race(publishes);
    await server.stop();
    const acknowledged = (await Promise.all(publishes)).filter((answer) => answer?.position);
    await server.start();
    const { messages } = await server.json("/rooms/hall/messages?since=start&limit=500");
    const positions = messages.map(({ position }: { position: string }) => position);
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const answer of acknowledged) expect(positions).toContain(answer?.position);
  });

  test("over WebSocket is answered before its connection is closed", async () => {
    await using server = await TestServer.start({ durability: "process", ...gentle });
    const client = await server.connect();
    await client.join("hall");
    let isTold = false;
    let refs = 0;
    client.socket.addEventListener("message", ({ data }) => {
      isTold ||= String(data).includes('"draining"');
    });
    const stopped = eventually("some acks", () => client.all("ack").length > 50).then(() =>
      server.stop(),
    );
    while (!isTold) {
      for (let left = 20; left > 0; left -= 1) {
        refs += 1;
        client.send({ type: "message", ref: refs, room: "hall", content: refs });
      }
      await Bun.sleep(0);
    }
    await stopped;
    await client.end();
    const answered = new Set(client.frames.map(({ ref }) => ref));
    const missing = Array.from({ length: refs }, (_, index) => index + 1).filter(
      (ref) => !answered.has(ref),
    );
    expect(missing).toEqual([]);
  });
});

test("a plugin sends everybody away before the app that serves it stops", async () => {
  using folder = createTemporaryFolder();
  const overrides = { data: folder.path, durability: "memory", logLevel: "silent" } as const;
  const plugin = await partyline(overrides);
  const app = new Elysia({ websocket: webSocketOptions(overrides) })
    .use(plugin)
    .get("/own", () => "mine")
    .listen({ port: 0 });
  await eventually("the app", () => app.server !== null);
  const port = app.server?.port;
  const client = new Client(`ws://127.0.0.1:${port}/ws`);
  await client.next("welcome");
  await plugin.drain();
  expect((await client.end()).code).toBe(1012);
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(503);
  await app.stop();
});
