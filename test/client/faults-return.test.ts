import { describe, expect, test } from "bun:test";
import { connect, type Line, type LineState } from "../../src/client/index.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

type Waiting = Extract<LineState, { name: "waiting" }>;

/** Notes how long each wait of a line is meant to be. */
function noteWaits(line: Line): { delayMs: number; state: Waiting }[] {
  const waits: { delayMs: number; state: Waiting }[] = [];
  line.on("state", (state) => {
    if (state.name === "waiting") waits.push({ delayMs: state.retryAt - Date.now(), state });
  });
  return waits;
}

function opened(line: Line): Promise<true> {
  return eventually("an open line", () => line.state.name === "open");
}

describe("a line that cannot open", () => {
  test("waits longer and longer, at random, and never over 30 s", async () => {
    using proxy = new FaultProxy(1, { isRefusing: true });
    using line = connect(proxy.url, { transport: "websocket" });
    const waits = noteWaits(line);
    const attempts = 40;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      await eventually(`wait ${attempt}`, () => waits.length >= attempt); // it may not have waited for us
      line.retry();
    }
    const ceilings = waits.map((_, attempt) => Math.min(30_000, 250 * 2 ** attempt));
    expect(waits.filter(({ delayMs }, at) => delayMs > (ceilings[at] ?? 0) + 5)).toEqual([]);
    const late = waits.slice(8).map(({ delayMs }) => delayMs);
    const spread = Math.max(...late) - Math.min(...late);
    expect(spread).toBeGreaterThan(10_000); // full jitter: anything from none to all of it
    expect(Math.min(...late)).toBeLessThan(10_000);
    expect(new Set(waits.map(({ state }) => typeof state.reason))).toEqual(new Set(["string"]));
    expect(proxy.arrivals.length).toBeGreaterThanOrEqual(attempts);
  });

  test("begins anew with short waits when there may be a network again", async () => {
    using proxy = new FaultProxy(1, { isRefusing: true });
    using line = connect(proxy.url, { transport: "websocket" });
    const waits = noteWaits(line);
    const hasWaited = (times: number) => eventually(`wait ${times}`, () => waits.length >= times);
    for (let times = 1; times <= 20; times += 1) {
      await hasWaited(times);
      line.retry();
    }
    await hasWaited(21);
    const before = waits.length; // it may not have waited for us
    globalThis.dispatchEvent(new Event("online")); // a browser says so before a connection can be made
    await hasWaited(before + 3);
    const again = waits.slice(before, before + 3).map(({ delayMs }) => delayMs);
    expect(again.filter((delayMs, at) => delayMs > 250 * 2 ** at + 5)).toEqual([]);
  });

  test("keeps what is published, and opens by itself once it can", async () => {
    await using server = await TestServer.start();
    using proxy = new FaultProxy(server.port, { isRefusing: true });
    using line = connect(proxy.url);
    const room = line.join("general");
    const published = ["one", "two"].map((content) => room.publish(content));
    await eventually("a wait", () => line.state.name === "waiting");
    expect(line.pending).toBe(2);
    proxy.heal();
    await Promise.all(published);
    const { messages } = await server.json("/rooms/general/messages");
    expect(messages.map(({ content }: { content: string }) => content)).toEqual(["one", "two"]);
  });
});

describe("lines to a server that leaves", () => {
  test("come back when each was told to, which is spread", async () => {
    await using server = await TestServer.start({ durability: "process", drainWindowMs: 60_000 });
    using proxy = new FaultProxy(server.port);
    using lines = new DisposableStack();
    const crowd = Array.from({ length: 24 }, (_, index) => {
      const transport = index % 2 === 0 ? "websocket" : "sse";
      const line = lines.use(connect(proxy.url, { transport }));
      line.join("general");
      const waited: number[] = [];
      line.on("state", ({ name }) => {
        if (name === "waiting" || name === "connecting") waited.push(performance.now());
      });
      return { line, waits: noteWaits(line), waited };
    });
    for (const { line } of crowd) await opened(line);
    await eventually("all of them in the room", async () => {
      const { members, observers } = await server.json("/rooms/general/members");
      return members.length + observers === crowd.length;
    });
    for (const { waited } of crowd) waited.length = 0;
    await server.stop();
    await server.start();
    const leftAt = performance.now();
    await eventually("all of them to wait", () => crowd.every(({ waits }) => waits.length > 0));
    const delays = crowd.map(({ waits }) => waits[0]?.delayMs ?? 0);
    expect(delays.filter((delayMs) => delayMs < 240 || delayMs > 2_260)).toEqual([]);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(800);
    for (const { line } of crowd) await opened(line);
    const early = crowd.filter(({ waited: [from = 0, to = 0] }, index) => {
      return to - from < (delays[index] ?? 0) - 5;
    });
    expect(early).toEqual([]);
    expect(performance.now() - leftAt).toBeLessThan(20_000); // the window is not waited for
  }, 60_000);
});
