/** What claims must say, to the second. */

import { describe, expect, test } from "bun:test";
import { readClaims } from "../../src/auth/claims.ts";
import { now, nowSeconds } from "./keys.ts";

const leewayMs = 5_000;

function read(claims: object, more: { issuer?: string; audience?: string; now?: number } = {}) {
  return readClaims(
    { sub: "alice", ...claims },
    { issuer: null, audience: null, now, leewayMs, ...more },
  );
}

describe("times", () => {
  test.each([
    [0, true],
    [4_999, true],
    [5_000, false],
    [60_000, false],
  ])("a token %i ms after its exp: taken is %p", (late, isTaken) => {
    const at = { now: now + late };
    const exp = nowSeconds;
    if (isTaken) expect(read({ exp }, at).expiresAt).toBe(now + leewayMs);
    else expect(() => read({ exp }, at)).toThrow("The token expired at 2025-11-21T");
  });

  test("a connection ends at the exp, or with the leeway if it came after that", () => {
    expect(read({ exp: nowSeconds + 1 }).expiresAt).toBe(now + 1_000);
    expect(read({ exp: nowSeconds + 0.5 }).expiresAt).toBe(now + 500);
    expect(read({ exp: nowSeconds - 1 }).expiresAt).toBe(now + 4_000);
    expect(read({}).expiresAt).toBeNull();
  });

  test.each(["nbf", "iat"])("a %s within the leeway is taken, beyond it is not", (claim) => {
    read({ [claim]: nowSeconds + 5 });
    expect(() => read({ [claim]: nowSeconds + 5.001 })).toThrow(/not valid before|in the future/);
    read({ [claim]: nowSeconds });
    read({ [claim]: 0 });
  });

  test.each(["exp", "nbf", "iat"])("a %s that is no date is refused", (claim) => {
    for (const value of ["1763690000", null, true, -1, 253_402_300_800, 1e300, {}, []]) {
      expect(() => read({ [claim]: value }), String(value)).toThrow("seconds since 1970");
    }
  });
});

describe("aud", () => {
  test("must name the audience that is configured", () => {
    read({ aud: "party" }, { audience: "party" });
    read({ aud: ["other", "party"] }, { audience: "party" });
    for (const aud of [
      "other",
      "Party",
      "party ",
      ["other"],
      [],
      [["party"]],
      null,
      1,
      { party: 1 },
    ]) {
      expect(() => read({ aud }, { audience: "party" }), JSON.stringify(aud)).toThrow("audience");
    }
    expect(() => read({}, { audience: "party" })).toThrow('has no "aud"');
  });

  test("must not be there where none is configured", () => {
    expect(() => read({ aud: "party" })).toThrow("another audience");
  });
});

describe("iss", () => {
  test("must be the one that is configured", () => {
    read({ iss: "https://a" }, { issuer: "https://a" });
    for (const iss of ["https://b", "https://a/", undefined]) {
      expect(() => read({ iss }, { issuer: "https://a" })).toThrow('"iss"');
    }
    for (const iss of [["https://a"], 1, null]) {
      expect(() => read({ iss }, { issuer: "https://a" })).toThrow('"iss" must be text');
    }
  });
});

describe("sub and name", () => {
  test.each(["a", "auth0|5f", "алиса", "x".repeat(128), "a~", "$a", "a b"])(
    "%j is a sub",
    (sub) => {
      expect(read({ sub }).user.id).toBe(sub);
    },
  );

  test.each([
    undefined,
    null,
    "",
    1,
    { id: "alice" },
    "x".repeat(129),
    "~alice",
    "~",
    "a\nb",
    "a\0",
    "a\u202eb",
    "a\u200b",
    "\ud800",
  ])("%j is no sub", (sub) => {
    expect(() => read({ sub })).toThrow(/"sub"/);
  });

  test("the name is the sub where there is none, cut to the length of names", () => {
    expect(read({}).user.name).toBe("alice");
    expect(read({ name: null }).user.name).toBe("alice");
    expect(read({ name: " Alice " }).user.name).toBe("Alice");
    expect(read({ sub: "🎈".repeat(50) }).user.name).toBe("🎈".repeat(40));
  });

  test.each(["", " ", "x".repeat(41), 1, "a\u202eb"])("%j is no name", (name) => {
    expect(() => read({ name })).toThrow('"name" must be 1 to 40 visible characters');
  });
});

test("a jti is text of at most 128 characters, or not there", () => {
  expect(read({}).id).toBeNull();
  expect(read({ jti: "x".repeat(128) }).id).toHaveLength(128);
  for (const jti of [1, null, "", "x".repeat(129), "a\n"]) {
    expect(() => read({ jti })).toThrow('"jti"');
  }
});

test.each<unknown>([
  false,
  0,
  "general",
  { general: null },
  { general: "read" },
  { general: ["reed"] },
  { general: ["READ"] },
  { general: [1] },
  { "a b": ["read"] },
  { "a*b": ["read"] },
  { "**": ["read"] },
  { "": ["read"] },
  { [`${"x".repeat(129)}*`]: ["read"] },
])("rooms that are %j are refused", (rooms) => {
  expect(() => read({ rooms })).toThrow('"rooms" must be an object of room patterns');
});

test.each([[null], [[]], [["general"]]])("rooms that are the value %j are refused", (rooms) => {
  expect(() => read({ rooms })).toThrow('"rooms" must be an object of room patterns');
});

test("without rooms nothing is allowed", () => {
  expect(read({}).grant.may("read", "general")).toBe(false);
});
