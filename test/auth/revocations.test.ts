import { beforeEach, expect, test } from "bun:test";
import {
  type RevocationListener,
  type RevocationStore,
  Revocations,
} from "../../src/auth/revocations.ts";
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

test("a token is revoked by its id, and no other is", async () => {
  await revocations.revokeToken("t1", null);
  expect([isRevoked("t1"), isRevoked("t2"), isRevoked(null)]).toEqual([true, false, false]);
});

test("a user's tokens are revoked that were issued before a time, or do not say when", async () => {
  const before = clock.now();
  await revocations.revokeUser("alice", before);
  expect(isRevoked("t1", "alice", before - 1)).toBe(true);
  expect(isRevoked("t1", "alice", before)).toBe(false);
  expect(isRevoked("t1", "alice", null)).toBe(true);
  expect(isRevoked("t1", "bob", before - 1)).toBe(false);
  await revocations.revokeUser("alice", before - 1_000);
  expect(isRevoked("t1", "alice", before - 1)).toBe(true);
});

test("a token that has run out is forgotten, and makes place for another", async () => {
  for (const id of ["t1", "t2", "t3"]) await revocations.revokeToken(id, clock.now() + 1_000);
  await expect(revocations.revokeToken("t4", null)).rejects.toThrow("At most 3 tokens");
  await revocations.revokeToken("t3", clock.now() + 2_000);
  clock.advance(1_000);
  await revocations.revokeToken("t4", null);
  expect(revocations.size).toBe(2);
  expect([isRevoked("t1"), isRevoked("t3"), isRevoked("t4")]).toEqual([false, true, true]);
});

test("a token is revoked for as long as the longest call said", async () => {
  await revocations.revokeToken("t1", clock.now() + 2_000);
  await revocations.revokeToken("t1", clock.now() + 1_000);
  clock.advance(1_500);
  await revocations.revokeToken("t2", null);
  expect(isRevoked("t1")).toBe(true);
  await revocations.revokeToken("t2", clock.now() + 1);
  clock.advance(1_000);
  await revocations.revokeToken("t3", null);
  expect([isRevoked("t1"), isRevoked("t2")]).toEqual([false, true]);
});

test("a token that has run out already is not kept", async () => {
  await revocations.revokeToken("t1", clock.now());
  expect(revocations.size).toBe(0);
});

test("at the bound no revocation is lost, and none is added", async () => {
  for (const user of ["a", "b", "c"]) await revocations.revokeUser(user, 5);
  await expect(revocations.revokeUser("d", 5)).rejects.toThrow("At most 3");
  await revocations.revokeUser("a", 6);
  expect(isRevoked(null, "a", 5)).toBe(true);
});

test("listeners hear each revocation when it holds, until they stop listening", async () => {
  const heard: boolean[] = [];
  const stop = revocations.onRevoked(() => heard.push(isRevoked("t1")));
  await revocations.revokeToken("t1", null);
  await revocations.revokeToken("t1", null);
  await revocations.revokeUser("alice", 5);
  stop();
  await revocations.revokeUser("alice", 6);
  expect(heard).toEqual([true, true]);
});

test("what the store cannot keep is not revoked, and nobody is told that it was", async () => {
  const broken = () => Promise.reject(new Error("disk"));
  const store: RevocationStore = {
    start() {},
    saveToken: broken,
    saveUser: broken,
    forget: () => {},
  };
  revocations = new Revocations(clock, store);
  let heard = 0;
  revocations.onRevoked(() => {
    heard += 1;
  });
  await expect(revocations.revokeToken("t1", null)).rejects.toThrow("disk");
  await expect(revocations.revokeUser("alice", 5)).rejects.toThrow("disk");
  expect([isRevoked("t1", "alice", 0), heard, revocations.size]).toEqual([false, 0, 0]);
});

/** A store that takes its time, and that other nodes keep revocations in, too. */
class SharedStore implements RevocationStore {
  readonly forgotten: string[] = [];
  readonly saving: (() => void)[] = [];
  listener: RevocationListener | null = null;

  start(listener: RevocationListener): void {
    this.listener = listener;
  }

  saveToken(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.saving.push(resolve);
    return promise;
  }

  saveUser(): Promise<void> {
    return this.saveToken();
  }

  forget(_now: number, ids: readonly string[]): void {
    this.forgotten.push(...ids);
  }
}

test("a revocation holds once the store has it, and not before", async () => {
  const store = new SharedStore();
  revocations = new Revocations(clock, store);
  const revoked = revocations.revokeToken("t1", null);
  await Bun.sleep(0);
  expect(isRevoked("t1")).toBe(false);
  store.saving[0]?.();
  await revoked;
  expect(isRevoked("t1")).toBe(true);
});

test("what other nodes revoke holds at once, for the longer of two times, beyond the bound", () => {
  const store = new SharedStore();
  revocations = new Revocations(clock, store, 1);
  let heard = 0;
  revocations.onRevoked(() => {
    heard += 1;
  });
  const until = clock.now() + 1_000;
  const tokens = new Map([
    ["t1", until],
    ["t2", null],
    ["old", clock.now()],
  ]);
  store.listener?.hear({ tokens, users: new Map([["bob", 5]]) });
  store.listener?.hear({ tokens: new Map([["t1", until - 500]]), users: new Map([["bob", 4]]) });
  expect([isRevoked("t1"), isRevoked("t2"), isRevoked(null, "bob", 4)]).toEqual([true, true, true]);
  expect([heard, store.forgotten]).toEqual([1, ["old"]]);
  clock.advance(900);
  expect(store.listener?.all().tokens.size).toBe(2);
  clock.advance(100);
  expect([...(store.listener?.all().tokens.keys() ?? [])]).toEqual(["t2"]);
  expect(store.forgotten).toEqual(["old", "t1"]);
});
