import { beforeEach, expect, test } from "bun:test";
import { type RevocationStore, Revocations } from "../../src/auth/revocations.ts";
import { ManualClock } from "../support/manual-clock.ts";

let clock: ManualClock;
let revocations: Revocations;

beforeEach(() => {
  clock = new ManualClock();
  revocations = new Revocations(clock, null, 3);
});

function isRevoked(id: string | null, user = "alice", issuedAt: number | null = clock.now()) {
  return revocations.isRevoked({ id, user: { id: user, name: user }, issuedAt });
}

test("a token is revoked by its id, and no other is", () => {
  revocations.revokeToken("t1", null);
  expect([isRevoked("t1"), isRevoked("t2"), isRevoked(null)]).toEqual([true, false, false]);
});

test("a user's tokens are revoked that were issued before a time, or do not say when", () => {
  const before = clock.now();
  revocations.revokeUser("alice", before);
  expect(isRevoked("t1", "alice", before - 1)).toBe(true);
  expect(isRevoked("t1", "alice", before)).toBe(false);
  expect(isRevoked("t1", "alice", null)).toBe(true);
  expect(isRevoked("t1", "bob", before - 1)).toBe(false);
  revocations.revokeUser("alice", before - 1_000);
  expect(isRevoked("t1", "alice", before - 1)).toBe(true);
});

test("a token that has run out is forgotten, and makes place for another", () => {
  for (const id of ["t1", "t2", "t3"]) revocations.revokeToken(id, clock.now() + 1_000);
  expect(() => revocations.revokeToken("t4", null)).toThrow("At most 3 tokens");
  revocations.revokeToken("t3", clock.now() + 2_000);
  clock.advance(1_000);
  revocations.revokeToken("t4", null);
  expect(revocations.size).toBe(2);
  expect([isRevoked("t1"), isRevoked("t3"), isRevoked("t4")]).toEqual([false, true, true]);
});

test("a token is revoked for as long as the longest call said", () => {
  revocations.revokeToken("t1", clock.now() + 2_000);
  revocations.revokeToken("t1", clock.now() + 1_000);
  clock.advance(1_500);
  revocations.revokeToken("t2", null);
  expect(isRevoked("t1")).toBe(true);
  revocations.revokeToken("t2", clock.now() + 1);
  clock.advance(1_000);
  revocations.revokeToken("t3", null);
  expect([isRevoked("t1"), isRevoked("t2")]).toEqual([false, true]);
});

test("a token that has run out already is not kept", () => {
  revocations.revokeToken("t1", clock.now());
  expect(revocations.size).toBe(0);
});

test("at the bound no revocation is lost, and none is added", () => {
  for (const user of ["a", "b", "c"]) revocations.revokeUser(user, 5);
  expect(() => revocations.revokeUser("d", 5)).toThrow("At most 3");
  revocations.revokeUser("a", 6);
  expect(isRevoked(null, "a", 5)).toBe(true);
});

test("listeners hear each revocation when it holds, until they stop listening", () => {
  const heard: boolean[] = [];
  const stop = revocations.onRevoked(() => heard.push(isRevoked("t1")));
  revocations.revokeToken("t1", null);
  revocations.revokeToken("t1", null);
  revocations.revokeUser("alice", 5);
  stop();
  revocations.revokeUser("alice", 6);
  expect(heard).toEqual([true, true]);
});

test("what the store cannot keep is not revoked, and nobody is told that it was", () => {
  const broken = () => {
    throw new Error("disk");
  };
  const store: RevocationStore = {
    tokens: () => [],
    users: () => [],
    saveToken: broken,
    saveUser: broken,
    forget: () => {},
  };
  revocations = new Revocations(clock, store);
  let heard = 0;
  revocations.onRevoked(() => {
    heard += 1;
  });
  expect(() => revocations.revokeToken("t1", null)).toThrow("disk");
  expect(() => revocations.revokeUser("alice", 5)).toThrow("disk");
  expect([isRevoked("t1", "alice", 0), heard, revocations.size]).toEqual([false, 0, 0]);
});
