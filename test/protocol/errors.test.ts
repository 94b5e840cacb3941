import { expect, test } from "bun:test";
import {
  errorTable,
  PartylineError,
  toPartylineError,
  toProblem,
} from "../../src/protocol/errors.ts";

test("every code has an HTTP status of failure and a close code that may be sent", () => {
  for (const [code, { status, close, title }] of Object.entries(errorTable)) {
    expect(code).toMatch(/^[a-z_]+$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(title).not.toBe("");
    // 1005, 1006 and 1015 may not stand in a frame (RFC 6455, section 7.4.1).
    if (close !== null) expect([1009, 1011, 1012, 1013, 4401]).toContain(close);
  }
});

test("the statuses are those that clients were told", () => {
  const statuses = Object.entries(errorTable).map(([code, { status }]) => `${code} ${status}`);
  expect(statuses).toEqual([
    "bad_frame 400",
    "invalid_room 400",
    "unauthenticated 401",
    "forbidden 403",
    "not_found 404",
    "not_joined 409",
    "too_large 413",
    "rate_limited 429",
    "too_many 503",
    "slow_reader 503",
    "unavailable 503",
    "draining 503",
    "internal 500",
  ]);
});

test("a problem carries the code, the text and the delay, if there is one", () => {
  expect(toProblem(new PartylineError("rate_limited", "Slow down.", 1500))).toEqual({
    type: "/docs/protocol#rate_limited",
    title: "Too many requests",
    status: 429,
    code: "rate_limited",
    detail: "Slow down.",
    retryAfterMs: 1500,
  });
  expect(toProblem(new PartylineError("not_found", "No."))).not.toHaveProperty("retryAfterMs");
});

test("a defect becomes internal and tells nothing of itself", () => {
  const error = toPartylineError(new TypeError("secret of the house"));
  expect(error.code).toBe("internal");
  expect(JSON.stringify(toProblem(error))).not.toContain("secret");
  const expected = new PartylineError("forbidden", "No.");
  expect(toPartylineError(expected)).toBe(expected);
});
