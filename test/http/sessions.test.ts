import { beforeEach, describe, expect, test } from "bun:test";
import type { Guard, Identity } from "../../src/http/guard.ts";
import type { Session, Sessions } from "../../src/http/sessions.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createGuard, createToken } from "../support/tokens.ts";

let clock: ManualClock;
let guard: Guard;
let sessions: Sessions;
let revocations: ReturnType<typeof createGuard>["revocations"];

beforeEach(() => {
  clock = new ManualClock(Math.floor(Date.now() / 1_000) * 1_000);
  ({ guard, sessions, revocations } = createGuard(clock));
});

/** A session that notes what it is told. */
class NotingSession implements Session {
  readonly id: string;
  readonly notes: string[] = [];
  tokenDueAt: number | null = null;
  identity: Identity;

  constructor(id: string, identity: Identity) {
    this.id = id;
    this.identity = identity;
  }

  warn(secondsLeft: number): void {
    this.notes.push(`${secondsLeft} s left`);
  }

  renew(identity: Identity): undefined {
    this.identity = identity;
    sessions.watch(this);
  }

  expire({ code, message }: { code: string; message: string }): void {
    this.notes.push(`${code}: ${message}`);
  }
}

/** A token whose times are seconds from now. */
async function identify(sub: string, seconds: number | null, jti?: string): Promise<Identity> {
  const now = clock.now() / 1_000;
  const exp = seconds === null ? undefined : now + seconds;
  return guard.authenticate(await createToken({ sub, iat: now, exp, jti }));
}

async function watch(sub: string, seconds: number | null, jti?: string): Promise<NotingSession> {
  const session = new NotingSession(crypto.randomUUID(), await identify(sub, seconds, jti));
  sessions.watch(session);
  return session;
}

describe("a session", () => {
  test("is warned once, 60 s before its token runs out, and ended in that millisecond", async () => {
    const { notes } = await watch("alice", 100);
    clock.advance(39_999);
    expect(notes).toEqual([]);
    clock.advance(1_001);
    expect(notes).toEqual([expect.stringMatching(/^(59|60) s left$/)]);
    clock.advance(58_999);
    expect(notes).toHaveLength(1);
    clock.advance(1);
    expect(notes.slice(1)).toEqual(["unauthenticated: The token ran out."]);
    clock.advance(100_000);
    expect(notes).toHaveLength(2);
  });

  test("that comes with a token that ends before the next sweep is ended on time", async () => {
    clock.advance(300);
    const { notes } = await watch("alice", 0.4);
    clock.advance(399);
    expect(notes).toEqual([]);
    clock.advance(1);
    expect(notes).toEqual(["unauthenticated: The token ran out."]);
  });

  test("that comes with a token of a few seconds is told so, and ended on time", async () => {
    clock.advance(300); // between two sweeps, and not at a whole second
    const { notes } = await watch("alice", 2.2);
    clock.advance(2_199);
    expect(notes).toEqual([expect.stringMatching(/^[12] s left$/)]);
    clock.advance(1);
    expect(notes).toHaveLength(2);
  });

  test("that is renewed lives on, and is warned before the new end", async () => {
    const session = await watch("alice", 30);
    clock.advance(10_000);
    session.renew(await identify("alice", 90));
    clock.advance(29_000);
    expect(session.notes).toHaveLength(1);
    clock.advance(2_000);
    expect(session.notes).toHaveLength(2);
    clock.advance(58_999);
    expect(session.notes).toHaveLength(2);
    clock.advance(1);
    expect(session.notes.at(-1)).toBe("unauthenticated: The token ran out.");
  });

  test("ends earlier when the new token says so", async () => {
    const session = await watch("alice", 3_600);
    session.renew(await identify("alice", 5));
    clock.advance(4_999);
    expect(session.notes.filter((note) => note.includes("ran out"))).toEqual([]);
    clock.advance(1);
    expect(session.notes.at(-1)).toBe("unauthenticated: The token ran out.");
  });

  test("whose token does not run out lives on", async () => {
    const { notes } = await watch("alice", null);
    clock.advance(100 * 3_600_000);
    expect(notes).toEqual([]);
  });

  test("without a token ends when one was due, but not when one came in time", async () => {
    const late = new NotingSession("late", guard.identifyAnonymous("late"));
    const early = new NotingSession("early", guard.identifyAnonymous("early"));
    for (const session of [late, early]) {
      session.tokenDueAt = clock.now() + 5_000;
      sessions.watch(session);
    }
    clock.advance(4_999);
    early.renew(await identify("alice", 3_600));
    expect([late.notes, early.notes]).toEqual([[], []]);
    clock.advance(1);
    expect([late.notes, early.notes]).toEqual([["unauthenticated: No token came in time."], []]);
  });

  test("that needs no token is not watched", () => {
    const session = new NotingSession("free", guard.identifyAnonymous("free"));
    sessions.watch(session);
    expect(sessions.find("free")).toBeUndefined();
  });

  test("that is forgotten hears nothing more", async () => {
    const session = await watch("alice", 10, "t1");
    sessions.forget(session);
    revocations.revokeToken("t1", null);
    clock.advance(20_000);
    expect([session.notes, sessions.find(session.id)]).toEqual([[], undefined]);
  });
});

describe("a revocation", () => {
  test("of a token ends the sessions with it in the same turn, and no others", async () => {
    const sameToken = [await watch("alice", 3_600, "t1"), await watch("alice", 3_600, "t1")];
    const others = [await watch("alice", 3_600, "t2"), await watch("bob", 3_600)];
    revocations.revokeToken("t1", null);
    for (const { notes } of sameToken) {
      expect(notes).toEqual(["unauthenticated: The token was revoked."]);
    }
    expect(others.map(({ notes }) => notes)).toEqual([[], []]);
  });

  test("of a user ends the sessions with tokens issued before, and no others", async () => {
    const before = await watch("alice", 3_600);
    const other = await watch("bob", 3_600);
    clock.advance(2_000);
    const after = await watch("alice", 3_600);
    revocations.revokeUser("alice", clock.now());
    expect(before.notes).toEqual(["unauthenticated: The token was revoked."]);
    expect([after.notes, other.notes]).toEqual([[], []]);
  });

  test("is survived by a session that was renewed before it", async () => {
    const session = await watch("alice", 3_600, "t1");
    session.renew(await identify("alice", 3_600, "t2"));
    revocations.revokeToken("t1", null);
    expect(session.notes).toEqual([]);
  });
});

test("sessions are found by connection and by user", async () => {
  const [one, two] = [await watch("alice", 10), await watch("alice", 10)];
  await watch("bob", 10);
  expect(sessions.find(one.id)).toBe(one);
  expect(sessions.of("alice")).toEqual([one, two]);
  expect(sessions.of("carol")).toEqual([]);
});

test("nothing is looked at after the end", async () => {
  const { notes } = await watch("alice", 10, "t1");
  sessions.close();
  sessions.close();
  revocations.revokeToken("t1", null);
  await watch("bob", 0.5);
  clock.advance(20_000);
  expect([notes, clock.waiting]).toEqual([[], 0]);
});
