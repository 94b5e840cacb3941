import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createAnonymousGrant, isAnonymousAccess } from "../../src/auth/anonymous.ts";
import {
  type Action,
  actions,
  createGrant,
  type Grant,
  openGrant,
  readRooms,
} from "../../src/auth/grant.ts";

function grantOf(rooms: Record<string, readonly string[]>): Grant {
  const rules = readRooms(rooms);
  if (rules === undefined) throw new Error("These are no rules.");
  return createGrant(rules);
}

function allowed(grant: Grant, room: string): Action[] {
  return actions.filter((action) => grant.may(action, room));
}

describe("a grant", () => {
  test("is that of the longest pattern that matches, alone", () => {
    const grant = grantOf({
      "*": ["read"],
      "team-*": ["read", "write"],
      "team-a*": ["presence"],
      "team-a": ["admin"],
      "team-secret": [],
    });
    expect(allowed(grant, "general")).toEqual(["read"]);
    expect(allowed(grant, "team-b")).toEqual(["read", "write"]);
    expect(allowed(grant, "team-")).toEqual(["read", "write"]);
    expect(allowed(grant, "team-ab")).toEqual(["presence"]);
    expect(allowed(grant, "team-a")).toEqual(["admin"]);
    expect(allowed(grant, "team-secret")).toEqual([]);
    expect(allowed(grant, "team")).toEqual(["read"]);
    expect(allowed(grant, "Team-b")).toEqual(["read"]);
  });

  test("covers the server's own rooms only by a pattern with $, and never to write", () => {
    const all = [...actions];
    expect(allowed(grantOf({ "*": all }), "$clock")).toEqual([]);
    expect(allowed(grantOf({ "$*": all }), "$clock")).toEqual(["read", "presence"]);
    expect(allowed(grantOf({ $clock: all }), "$clock")).toEqual(["read", "presence"]);
    expect(allowed(grantOf({ $clock: all }), "$server")).toEqual([]);
    expect(allowed(grantOf({ "$*": all }), "general")).toEqual([]);
  });

  test("is of an administrator only by the pattern *", () => {
    expect(grantOf({ "*": ["admin"] }).isAdmin).toBe(true);
    for (const pattern of ["a*", "$*", "general"]) {
      expect(grantOf({ [pattern]: ["admin"] }).isAdmin).toBe(false);
    }
    expect(grantOf({ "*": ["read"] }).isAdmin).toBe(false);
    expect(grantOf({}).isAdmin).toBe(false);
  });

  test("does what a plain reading of the rule does", () => {
    const name = fc.stringMatching(/^[ab.]{1,4}$/);
    const pattern = fc.oneof(
      name,
      name.map((text) => `${text}*`),
      fc.constant("*"),
      fc.constant("$*"),
    );
    const rules = fc.dictionary(pattern, fc.subarray([...actions]));
    const room = fc.oneof(
      name,
      name.map((text) => `$${text}`),
    );
    fc.assert(
      fc.property(rules, room, fc.constantFrom(...actions), (rooms, asked, action) => {
        expect(grantOf(rooms).may(action, asked)).toBe(model(rooms, asked, action));
      }),
      { numRuns: 2_000 },
    );
  });

  test("takes names of objects' own parts for what they are", () => {
    expect(allowed(grantOf({}), "constructor")).toEqual([]);
    expect(allowed(grantOf(JSON.parse('{"__proto__":["read"]}')), "__proto__")).toEqual(["read"]);
    expect(allowed(grantOf({ a: [] }), "toString")).toEqual([]);
  });
});

/** All patterns as expressions; the one with the most signs before its `*` decides. */
function model(rooms: Record<string, readonly string[]>, room: string, action: Action): boolean {
  const isSystem = room.startsWith("$");
  const matching = Object.keys(rooms)
    .filter((pattern) => !isSystem || pattern.startsWith("$"))
    .filter((pattern) => {
      const source = pattern.replace(/[.$]/g, "\\$&").replace(/\*$/, ".*");
      return new RegExp(`^${source}$`).test(room);
    });
  const [best] = matching.sort((a, b) => rank(b) - rank(a));
  const may = best !== undefined && (rooms[best] ?? []).includes(action);
  return may && (!isSystem || action === "read" || action === "presence");
}

function rank(pattern: string): number {
  return pattern.endsWith("*") ? pattern.length - 1 : pattern.length + 0.5;
}

describe("people without a token", () => {
  const people: readonly Action[] = ["read", "write", "presence", "upload"];

  test("may all but administrate where there is no key, and nothing where there is one", () => {
    expect(createAnonymousGrant(null, false)).toBe(openGrant);
    expect(allowed(openGrant, "general")).toEqual([...people]);
    expect(allowed(openGrant, "$clock")).toEqual(["read", "presence"]);
    expect(openGrant.isAdmin).toBe(false);
    expect(allowed(createAnonymousGrant(null, true), "general")).toEqual([]);
  });

  test.each<[string, readonly Action[], readonly Action[], readonly Action[]]>([
    ["none", [], [], []],
    ["read", ["read", "presence"], ["read", "presence"], ["read", "presence"]],
    ["write", people, people, ["read", "presence"]],
    ["read:public-*", [], ["read", "presence"], []],
    ["read,write:public-*", ["read", "presence"], people, ["read", "presence"]],
    ["write,none:public-*", people, [], ["read", "presence"]],
    ["write:*", people, people, []],
    ["read:$clock", [], [], ["read", "presence"]],
  ])("%s", (text, general, open, clock) => {
    const grant = createAnonymousGrant(text, true);
    expect(allowed(grant, "general")).toEqual([...general]);
    expect(allowed(grant, "public-1")).toEqual([...open]);
    expect(allowed(grant, "$clock")).toEqual([...clock]);
  });

  test.each([
    "",
    "all",
    "READ",
    "read:",
    "read:a b",
    "read,",
    "read,write",
    "read: a",
    "write:a*b",
    "toString",
  ])("%j is not accepted", (text) => expect(isAnonymousAccess(text)).toBe(false));
});
