import { describe, expect, spyOn, test } from "bun:test";
import { Shedding } from "../../src/http/shedding.ts";
import { PublishBudget } from "../../src/limit/publish-budget.ts";
import { createAdmission } from "../support/admission.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { Tcp } from "../support/tcp.ts";

/** A shedding whose time and memory the test sets. */
function setUp() {
  const state = { now: 0, rss: 0, collected: 0, cuts: 0, lines: [] as string[] };
  const budget = new PublishBudget(1_000, () => state.now);
  const note = (_: object, text: string) => void state.lines.push(text);
  const shedding = new Shedding({
    memoryBytesMax: 1_000,
    budget,
    log: { info: note, warn: note },
    now: () => state.now,
    readRss: () => state.rss,
    collect: () => {
      state.collected += 1;
    },
    cutSlowReaders: () => {
      state.cuts += 1;
    },
  });
  const look = (rss: number) => {
    state.rss = rss;
    state.now += 250; // a look that is late, as most are

    shedding.look();
  };
  const refused = () => {
    const asks = [
      () => shedding.assertMayConnect(),
      () => shedding.assertMayRead(),
      () => shedding.assertMayPublish(),
    ];
    return asks.flatMap((ask) => {
      try {
        ask();
        return [];
      } catch (error) {
        return [error as { code: string; retryAfterMs: number; limit: string }];
      }
    });
  };
  return { state, budget, look, refused };
}

describe("a store that answers slowly", () => {
  test("makes publishes be refused while the oldest waits too long, and no longer", async () => {
    const clock = new ManualClock();
    const admission = createAdmission({}, clock);
    const body = { kind: "json", json: "1" } as const;
    const stuck = Promise.withResolvers<string>();
    const first = admission.publish(body, () => stuck.promise);
    const levels = [0, 1_000, 1_000, 1_000].map((ms) => {
      clock.advance(ms);
      admission.shedding.look();
      return admission.shedding.level;
    });
    expect(levels).toEqual([0, 1, 2, 3]);
    let isAsked = false;
    const second = admission.publish(body, async () => {
      isAsked = true;
    });
    await expect(second).rejects.toMatchObject({
      code: "unavailable",
      retryAfterMs: 1_000,
      limit: "store-wait",
    });
    expect(isAsked).toBe(false);
    stuck.resolve("stored");
    expect(await first).toBe("stored");
    for (let times = 0; times < 3; times += 1) {
      clock.advance(1_000);
      admission.shedding.look();
    }
    expect(await admission.publish(body, async () => "stored, too")).toBe("stored, too");
    expect(admission.budget.bytes).toBe(0);
  });

  test("gives back what a publish took, however that ended", async () => {
    const admission = createAdmission();
    const body = { kind: "bytes", bytes: new Uint8Array(100) } as const;
    const act = () => Promise.reject(new Error("The disk is full."));
    await expect(admission.publish(body, act)).rejects.toThrow("The disk is full.");
    expect(admission.budget.bytes).toBe(0);
  });
});

describe("a server with too much to do", () => {
  test("refuses connections, then reads, then publishes, each with a delay", () => {
    const { look, refused } = setUp();
    const codes = [999, 1_000, 1_050, 1_100].map((rss) => {
      look(rss);
      return refused().map(({ code }) => code);
    });
    expect(codes).toEqual([
      [],
      ["too_many"],
      ["too_many", "unavailable"],
      ["too_many", "unavailable", "unavailable"],
    ]);
    for (const { retryAfterMs, limit } of refused()) {
      expect(retryAfterMs).toBeGreaterThanOrEqual(1_000);
      expect(limit).toBe("memory-max");
    }
  });

  test("says so once a level, tries to free memory now and then, and recovers", () => {
    const { state, look, refused } = setUp();
    for (let times = 0; times < 10; times += 1) look(1_000);
    expect(state).toMatchObject({
      collected: 1,
      cuts: 10,
      lines: ["Overload: no new connections."],
    });
    for (let times = 0; times < 40; times += 1) look(1_000);
    expect(state.collected).toBe(2);
    for (let times = 0; times < 10; times += 1) look(100);
    expect(refused()).toEqual([]);
    expect(state.lines.at(-1)).toBe("Overload is over: everything is taken again.");
  });

  test("cuts readers that are behind for want of memory, whatever else there is too much of", () => {
    const { state, budget, look, refused } = setUp();
    budget.take(1_000);
    look(100);
    expect([state.cuts, refused().length, refused()[0]?.limit]).toEqual([0, 3, "publish-bytes"]);
    look(1_000);
    expect(state.cuts).toBe(1);
    budget.give(1_000);
    for (let times = 0; times < 10; times += 1) look(1_000);
    expect(state.cuts).toBe(11);
    expect(refused()[0]?.limit).toBe("memory-max");
  });
});

test("above its memory a server refuses everything but what it has begun, and is not ready", async () => {
  const tebibyte = 1_024 ** 4;
  await using server = await TestServer.start({ memoryMax: tebibyte });
  const client = await server.connect();
  await client.join("hall");
  const rss = spyOn(process.memoryUsage, "rss").mockReturnValue(2 * tebibyte);
  using restoring = new DisposableStack();
  restoring.defer(() => rss.mockRestore());
  const unready = { status: "unavailable", reason: "overloaded" };
  await eventually("the overload", async () => {
    return Bun.deepEquals(await server.json("/readyz"), unready);
  });
  expect((await server.fetch("/readyz")).status).toBe(503);
  const publish = { method: "POST", body: "x" };
  for (const [path, code, init] of [
    ["/rooms/hall/events", "too_many", {}],
    ["/rooms/hall/messages", "unavailable", {}],
    ["/rooms", "unavailable", {}],
    ["/rooms/hall/messages", "unavailable", publish],
  ] as const) {
    const refusal = await server.fetch(path, init);
    expect([path, refusal.status]).toEqual([path, 503]);
    expect(Number(refusal.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect((await refusal.json()).code).toBe(code);
  }
  using tcp = new Tcp(server.port);
  tcp.upgrade("/ws", "Upgrade: websocket", "Connection: Upgrade");
  await tcp.match(/^HTTP\/1.1 503 [\s\S]*"code":"too_many"/);
  for (const frame of [
    { type: "message", room: "hall", content: 1 },
    { type: "history", room: "hall" },
  ]) {
    const refusal = (await client.ask(frame)) as unknown as Record<string, unknown>;
    expect(refusal).toMatchObject({ type: "error", code: "unavailable" });
    expect(refusal.retryAfterMs).toBeGreaterThanOrEqual(1_000);
  }
  expect((await client.ask({ type: "ping" })).type).toBe("pong");
});
