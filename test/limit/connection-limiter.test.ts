import { describe, expect, test } from "bun:test";
import { ConnectionLimiter } from "../../src/limit/connection-limiter.ts";
import type { Pass } from "../../src/limit/pass.ts";
import { toRate } from "../../src/limit/token-bucket.ts";
import { limits } from "../../src/protocol/limits.ts";
import { ManualClock } from "../support/manual-clock.ts";

function create(connectionsMax: number, connectionsPerAddress: number, connectionsPerUser: number) {
  const clock = new ManualClock(0);
  const bounds = { connectionsMax, connectionsPerAddress, connectionsPerUser };
  const frameRate = toRate(1_000, 2);
  return { clock, limiter: new ConnectionLimiter({ ...bounds, frameRate }, () => clock.now()) };
}

/** Lets somebody in as a server does: by address, and then as a user. */
function admit(limiter: ConnectionLimiter, address: string, user: string | null): Pass {
  const pass = limiter.admit(address);
  try {
    if (user !== null) pass.identify(user);
    return pass;
  } catch (thrown) {
    pass.release();
    throw thrown;
  }
}

const tooMany = expect.objectContaining({ code: "too_many", retryAfterMs: 5_000 });

describe("connections", () => {
  test("are bounded in all, and one that leaves makes room", () => {
    const { limiter } = create(2, 0, 0);
    const first = admit(limiter, "a", null);
    admit(limiter, "b", null);
    expect(() => admit(limiter, "c", null)).toThrow(tooMany);
    first.release();
    admit(limiter, "c", null);
    expect(() => admit(limiter, "d", null)).toThrow("2 connections");
  });

  test("are bounded for each address alone", () => {
    const { limiter } = create(0, 2, 0);
    const first = admit(limiter, "a", null);
    admit(limiter, "a", null);
    expect(() => admit(limiter, "a", null)).toThrow(tooMany);
    admit(limiter, "b", null);
    first.release();
    first.release(); // a second time counts for nothing
    admit(limiter, "a", null);
    expect(() => admit(limiter, "a", null)).toThrow(tooMany);
  });

  test("are bounded for each user, from wherever; anonymous ones are not one user", () => {
    const { limiter } = create(0, 0, 2);
    for (let times = 0; times < 10; times += 1) admit(limiter, "a", null);
    const first = admit(limiter, "a", "alice");
    admit(limiter, "b", "alice");
    expect(() => admit(limiter, "c", "alice")).toThrow(tooMany);
    admit(limiter, "c", "bob");
    first.release();
    admit(limiter, "c", "alice");
  });

  test("that learn whose they are count for that user from then on", () => {
    const { limiter } = create(0, 0, 1);
    const anonymous = admit(limiter, "a", null);
    anonymous.identify("alice");
    expect(() => admit(limiter, "a", "alice")).toThrow(tooMany);
    const other = admit(limiter, "a", "bob");
    expect(() => other.identify("alice")).toThrow(tooMany);
    expect(() => admit(limiter, "a", "bob")).toThrow(tooMany); // still bob's
    anonymous.identify("carol");
    other.identify("alice");
    admit(limiter, "a", "bob");
  });

  test("that are refused or gone leave nothing behind", () => {
    const { limiter } = create(3, 2, 1);
    const passes = [
      admit(limiter, "a", "alice"),
      admit(limiter, "a", null),
      admit(limiter, "b", "bob"),
    ];
    for (const [address, user] of [
      ["c", "carol"],
      ["a", "dave"],
      ["b", "alice"],
    ] as const) {
      expect(() => admit(limiter, address, user)).toThrow(tooMany);
    }
    expect([limiter.count, limiter.size]).toEqual([3, 4]);
    for (const pass of passes) pass.release();
    expect([limiter.count, limiter.size]).toEqual([0, 0]);
  });

  test("are not bounded by 0", () => {
    const { limiter } = create(0, 0, 0);
    for (let times = 0; times < 1_000; times += 1) admit(limiter, "a", "alice");
    expect(limiter.count).toBe(1_000);
  });
});

describe("frames", () => {
  test("of anonymous connections are counted for each, those of a user together", () => {
    const { limiter } = create(0, 0, 0);
    const [first, second] = [admit(limiter, "a", null), admit(limiter, "a", null)];
    expect([first.spend(), first.spend(), first.spend()]).toEqual([0, 0, 1]);
    expect(second.spend()).toBe(0);
    const [third, fourth] = [admit(limiter, "a", "alice"), admit(limiter, "b", "alice")];
    expect([third.spend(), fourth.spend(), third.spend(), fourth.spend()]).toEqual([0, 0, 1, 1]);
  });

  test("that go on although they are refused make a connection hopeless", () => {
    const { limiter } = create(0, 0, 0);
    const pass = admit(limiter, "a", null);
    while (pass.spend() === 0);
    for (let refused = 1; refused < limits.refusedFramesMax; refused += 1) {
      expect(pass.isHopeless).toBe(false);
      pass.spend();
    }
    expect(pass.isHopeless).toBe(true);
  });

  test("are forgiven once the bucket was full again, and not before", () => {
    const { clock, limiter } = create(0, 0, 0);
    const pass = admit(limiter, "a", null);
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
