import { describe, expect, test } from "bun:test";
import { RateLimiter } from "../../src/limit/rate-limiter.ts";
import { toRate } from "../../src/limit/token-bucket.ts";
import { PartylineError } from "../../src/protocol/errors.ts";
import { ManualClock } from "../support/manual-clock.ts";

function create(perSecond: number, burst: number, keysMax?: number) {
  const clock = new ManualClock(0);
  const options = {
    rate: toRate(perSecond, burst),
    now: () => clock.now(),
    what: "publishes",
    limit: "pace",
  };
  return {
    clock,
    limiter: new RateLimiter(keysMax === undefined ? options : { ...options, keysMax }),
  };
}

function refusalOf(act: () => void): PartylineError | null {
  try {
    act();
    return null;
  } catch (thrown) {
    if (thrown instanceof PartylineError) return thrown;
    throw thrown;
  }
}

describe("a rate limiter", () => {
  test("refuses with the delay after which it passes", () => {
    const { clock, limiter } = create(1, 2);
    limiter.take("a");
    limiter.take("a");
    const refusal = refusalOf(() => limiter.take("a"));
    expect(refusal).toMatchObject({ code: "rate_limited", retryAfterMs: 1_000 });
    expect(refusal?.message).toContain("publishes");
    clock.advance(999);
    expect(refusalOf(() => limiter.take("a"))?.retryAfterMs).toBe(1);
    clock.advance(1);
    limiter.take("a");
  });

  test("counts each caller alone", () => {
    const { limiter } = create(1, 1);
    limiter.take("a");
    limiter.take("b");
    expect(refusalOf(() => limiter.take("a"))?.code).toBe("rate_limited");
  });

  test("forgets whom it has not seen for longest, and nobody else", () => {
    const { limiter } = create(1, 1, 3);
    for (const key of ["a", "b", "c"]) limiter.take(key);
    expect(refusalOf(() => limiter.take("a"))).not.toBeNull(); // seen again, also when refused
    limiter.take("d");
    expect(limiter.size).toBe(3);
    for (const key of ["a", "c", "d"]) {
      expect(refusalOf(() => limiter.take(key))).not.toBeNull();
    }
    limiter.take("b");
  });

  test("stays as small as it may be under a million callers", () => {
    const { limiter } = create(1, 1, 100);
    for (let caller = 0; caller < 1_000_000; caller += 1) limiter.take(`${caller}`);
    expect(limiter.size).toBe(100);
  });

  test("remembers nobody where nothing is bounded", () => {
    const { limiter } = create(0, 1);
    for (let times = 0; times < 1_000; times += 1) limiter.take("a");
    expect(limiter.size).toBe(0);
  });
});
