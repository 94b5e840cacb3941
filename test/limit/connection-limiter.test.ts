import { describe, expect, test } from "bun:test";
import { ConnectionLimiter } from "../../src/limit/connection-limiter.ts";
import { toRate } from "../../src/limit/token-bucket.ts";
import { limits } from "../../src/protocol/limits.ts";
import { ManualClock } from "../support/manual-clock.ts";

function create(connectionsMax: number, connectionsPerAddress: number, connectionsPerUser: number) {
  const clock = new ManualClock(0);
  const bounds = { connectionsMax, connectionsPerAddress, connectionsPerUser };
  const frameRate = toRate(1_000, 2);
  return { clock, limiter: new ConnectionLimiter({ ...bounds, frameRate }, () => clock.now()) };
}

const tooMany = expect.objectContaining({ code: "too_many", retryAfterMs: 5_000 });

describe("connections", () => {
  test("are bounded in all, and one that leaves makes room", () => {
    const { limiter } = create(2, 0, 0);
    const first = limiter.admit("a", null);
    limiter.admit("b", null);
    expect(() => limiter.admit("c", null)).toThrow(tooMany);
    first.release();
    limiter.admit("c", null);
    expect(() => limiter.admit("d", null)).toThrow("2 connections");
  });

  test("are bounded for each address alone", () => {
    const { limiter } = create(0, 2, 0);
    const first = limiter.admit("a", null);
    limiter.admit("a", null);
    expect(() => limiter.admit("a", null)).toThrow(tooMany);
    limiter.admit("b", null);
    first.release();
    first.release(); // a second time counts for nothing
    limiter.admit("a", null);
    expect(() => limiter.admit("a", null)).toThrow(tooMany);
  });

  test("are bounded for each user, from wherever; anonymous ones are not one user", () => {
    const { limiter } = create(0, 0, 2);
    for (let times = 0; times < 10; times += 1) limiter.admit("a", null);
    const first = limiter.admit("a", "alice");
    limiter.admit("b", "alice");
    expect(() => limiter.admit("c", "alice")).toThrow(tooMany);
    limiter.admit("c", "bob");
    first.release();
    limiter.admit("c", "alice");
  });

  test("that learn whose they are count for that user from then on", () => {
    const { limiter } = create(0, 0, 1);
    const anonymous = limiter.admit("a", null);
    anonymous.identify("alice");
    expect(() => limiter.admit("a", "alice")).toThrow(tooMany);
    const other = limiter.admit("a", "bob");
    expect(() => other.identify("alice")).toThrow(tooMany);
    expect(() => limiter.admit("a", "bob")).toThrow(tooMany); // still bob's
    anonymous.identify("carol");
    other.identify("alice");
    limiter.admit("a", "bob");
  });

  test("that are refused or gone leave nothing behind", () => {
    const { limiter } = create(3, 2, 1);
    const passes = [
      limiter.admit("a", "alice"),
      limiter.admit("a", null),
      limiter.admit("b", "bob"),
    ];
    for (const [address, user] of [
      ["c", "carol"],
      ["a", "dave"],
      ["b", "alice"],
    ] as const) {
      expect(() => limiter.admit(address, user)).toThrow(tooMany);
    }
    expect([limiter.count, limiter.size]).toEqual([3, 4]);
    for (const pass of passes) pass.release();
    expect([limiter.count, limiter.size]).toEqual([0, 0]);
  });

  test("are not bounded by 0", () => {
    const { limiter } = create(0, 0, 0);
    for (let times = 0; times < 1_000; times += 1) limiter.admit("a", "alice");
    expect(limiter.count).toBe(1_000);
  });
});

describe("frames", () => {
  test("of anonymous connections are counted for each, those of a user together", () => {
    const { limiter } = create(0, 0, 0);
    const [first, second] = [limiter.admit("a", null), limiter.admit("a", null)];
    expect([first.spend(), first.spend(), first.spend()]).toEqual([0, 0, 1]);
    expect(second.spend()).toBe(0);
    const [third, fourth] = [limiter.admit("a", "alice"), limiter.admit("b", "alice")];
    expect([third.spend(), fourth.spend(), third.spend(), fourth.spend()]).toEqual([0, 0, 1, 1]);
  });

  test("that go on although they are refused make a connection hopeless", () => {
    const { limiter } = create(0, 0, 0);
    const pass = limiter.admit("a", null);
    while (pass.spend() === 0);
    for (let refused = 1; refused < limits.refusedFramesMax; refused += 1) {
      expect(pass.isHopeless).toBe(false);
      pass.spend();
    }
    expect(pass.isHopeless).toBe(true);
  });

  test("are forgiven once the bucket was full again, and not before", () => {
    const { clock, limiter } = create(0, 0, 0);
    const pass = limiter.admit("a", null);
    const flood = (frames: number) => {
      for (let sent = 0; sent < frames; sent += 1) pass.spend();
    };
    flood(limits.refusedFramesMax);
    clock.advance(2); // the burst is back
    flood(limits.refusedFramesMax);
    expect(pass.isHopeless).toBe(false);
    clock.advance(1);
    flood(10);
    expect(pass.isHopeless).toBe(true);
  });
});
