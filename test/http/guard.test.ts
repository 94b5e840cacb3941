import { expect, test } from "bun:test";
import { assertMay, createConnectionId, identifyAnonymous } from "../../src/http/guard.ts";

test("connection ids are 12 signs, each as likely as any other, and do not repeat", () => {
  const counts = new Map<string, number>();
  const ids = new Set<string>();
  for (let index = 0; index < 6_000; index += 1) {
    const id = createConnectionId();
    expect(id).toMatch(/^[0-9a-z]{12}$/);
    ids.add(id);
    for (const sign of id) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  }
  expect(ids.size).toBe(6_000);
  // 72,000 signs: 2,000 of each, give or take; six standard deviations are about 270.
  expect(counts.size).toBe(36);
  for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(270);
});

test("whoever gave no token is anonymous under the id of the connection", () => {
  expect(identifyAnonymous("x").user).toEqual({ id: "~x", name: "anonymous" });
  expect(identifyAnonymous("x", "Ada").user).toEqual({ id: "~x", name: "Ada" });
  expect(identifyAnonymous("x").isAnonymous).toBe(true);
});

test("everybody may read and write, but only read the server's own rooms", () => {
  const identity = identifyAnonymous("x");
  expect(assertMay(identity, "write", "general")).toBe("general");
  expect(assertMay(identity, "read", "$clock")).toBe("$clock");
  const code = (act: () => unknown) => {
    try {
      return act();
    } catch (thrown) {
      return (thrown as { code?: string }).code;
    }
  };
  expect(code(() => assertMay(identity, "write", "$clock"))).toBe("forbidden");
  expect(code(() => assertMay(identity, "upload", "$clock"))).toBe("forbidden");
  expect(code(() => assertMay(identity, "admin", "general"))).toBe("forbidden");
  expect(code(() => assertMay(identity, "read", "no room"))).toBe("invalid_room");
});
