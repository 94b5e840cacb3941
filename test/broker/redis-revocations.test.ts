import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Revocations } from "../../src/auth/revocations.ts";
import { RedisControl } from "../../src/broker/redis-control.ts";
import { RedisRevocations } from "../../src/broker/redis-revocations.ts";
import type { Clock } from "../../src/hub/ports.ts";
import { systemClock } from "../../src/opening.ts";
import { eventually } from "../support/poll.ts";
import { type RedisWay, RedisWays } from "../support/redis-ways.ts";
import { findSystemProgram } from "../support/system-program.ts";

const isHere = findSystemProgram("redis") !== null;
let ways: RedisWays;
beforeAll(async () => {
  if (isHere) ways = await RedisWays.start();
});
afterAll(() => ways?.[Symbol.asyncDispose]());

interface Options {
  readonly max?: number;
  readonly replicas?: number;
  /** Milliseconds that the node's clock is ahead. */
  readonly aheadMs?: number;
}

/** What a node knows of revocations, and its way to Redis. */
class RevokingNode implements AsyncDisposable {
  readonly way: RedisWay;
  readonly revocations: Revocations;

  constructor(prefix: string, { max = 100, replicas = 0, aheadMs = 0 }: Options) {
    this.way = ways.open(prefix);
    const { link } = this.way;
    const control = new RedisControl(link);
    const clock: Clock = { now: () => Date.now() + aheadMs, after: systemClock.after };
    const store = new RedisRevocations({ link, control, max, replicas });
    this.revocations = new Revocations(clock, store, max);
  }

  isRevoked(id: string | null, user = "nobody", issuedAt = 1_000): boolean {
    return this.revocations.isRevoked({ id, user: { id: user, name: user }, issuedAt });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.way[Symbol.asyncDispose]();
  }
}

async function open(prefix: string, options: Options = {}): Promise<RevokingNode> {
  const node = new RevokingNode(prefix, options);
  await node.way.start();
  return node;
}

function kept(prefix: string, kind: "tokens" | "users"): Promise<unknown> {
  return ways.server.send("HGETALL", `${prefix}:revoked:${kind}`);
}

describe.skipIf(!isHere)("a revocation", () => {
  test("holds on every node at once, and on those that start later", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix);
    await using two = await open(prefix);
    let heard = 0;
    two.revocations.onRevoked(() => {
      heard += 1;
    });
    await one.revocations.revokeToken("t1", null);
    expect(one.isRevoked("t1")).toBe(true);
    await one.revocations.revokeUser("алиса", 5_000);
    await eventually("both", () => two.isRevoked("t1") && two.isRevoked(null, "алиса"));
    expect([heard, two.isRevoked(null, "алиса", 5_000)]).toEqual([2, false]);
    // Of two times the later one counts, whoever gave it.
    await two.revocations.revokeUser("алиса", 4_000);
    await two.revocations.revokeUser("алиса", 6_000);
    await eventually("the later time", () => one.isRevoked(null, "алиса", 5_500));
    await using late = await open(prefix);
    expect([late.isRevoked("t1"), late.isRevoked(null, "алиса", 5_500)]).toEqual([true, true]);
  });

  test("reaches a node that was cut off, before its link counts as up", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix);
    await using two = await open(prefix);
    await two.way.part();
    await one.revocations.revokeToken("t1", null);
    const refused = two.revocations.revokeToken("t2", null);
    await expect(refused).rejects.toMatchObject({ code: "unavailable" });
    await expect(refused).rejects.toThrow("The revocation could not be kept");
    expect([two.isRevoked("t1"), two.isRevoked("t2")]).toEqual([false, false]);
    await two.way.join();
    expect(two.isRevoked("t1")).toBe(true);
  });

  test("is written back by whoever knows it where Redis was emptied", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix);
    const ids = Array.from({ length: 1_200 }, (_, at) => `t${at}`);
    await using many = await open(prefix, { max: 2_000 });
    await Promise.all(ids.map((id) => many.revocations.revokeToken(id, null)));
    await many.revocations.revokeUser("alice", 5_000);
    await eventually("all", () => one.revocations.size === 1_201);
    await ways.server.flush();
    await eventually("all are back", async () => {
      const size = Number(await ways.server.send("HLEN", `${prefix}:revoked:tokens`));
      return size === ids.length;
    });
    await using late = await open(prefix);
    expect([late.revocations.size, late.isRevoked(null, "alice")]).toEqual([1_201, true]);
  });

  test("is forgotten once it ran out, and not because of a clock that is ahead", async () => {
    const prefix = ways.createPrefix();
    await using ahead = await open(prefix, { aheadMs: 60_000 });
    await using one = await open(prefix);
    const [soon, later] = [Date.now() + 100, Date.now() + 30_000];
    await one.revocations.revokeToken("soon", soon);
    await one.revocations.revokeToken("later", later);
    await eventually("its end", () => Date.now() > soon + 20);
    await one.revocations.revokeToken("other", null);
    const left = { '"later"': `${later}`, '"other"': "never" };
    await eventually("it is gone", async () =>
      Bun.deepEquals({ ...((await kept(prefix, "tokens")) as object) }, left),
    );
    expect([one.isRevoked("soon"), one.isRevoked("later")]).toEqual([false, true]);
    // For the one that is ahead "later" ran out long ago.
    await ahead.revocations.revokeToken("another", null);
    await ahead.way.part();
    await ahead.way.join();
    expect({ ...((await kept(prefix, "tokens")) as object) }).toEqual({
      ...left,
      '"another"': "never",
    });
  });

  test("beyond the bound is refused, also where two nodes come to it at one moment", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, { max: 5 });
    await using two = await open(prefix, { max: 5 });
    const asked = Array.from({ length: 10 }, (_, at) =>
      (at % 2 ? one : two).revocations.revokeToken(`t${at}`, null).then(
        () => "kept",
        ({ code }: { code: string }) => code,
      ),
    );
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === "kept")).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === "too_many")).toHaveLength(5);
    await one.revocations.revokeUser("alice", 5); // users are bounded apart
  });

  test("that replicas must have, and have not, is refused", async () => {
    await using one = await open(ways.createPrefix(), { replicas: 1 });
    const refused = one.revocations.revokeToken("t1", null);
    await expect(refused).rejects.toMatchObject({ code: "unavailable" });
    await expect(refused).rejects.toThrow("too few replicas");
  });

  test("is told apart from texts and fields that nobody of ours wrote", async () => {
    const prefix = ways.createPrefix();
    const key = `${prefix}:revoked:tokens`;
    await ways.server.send(
      "HSET",
      key,
      "junk",
      "1",
      '"t1"',
      "junk",
      '"t2"',
      "",
      "5",
      "never",
      "[]",
      "1",
    );
    await using one = await open(prefix);
    for (const text of [
      ...["revoked", "revoked ", "revoked [", "revoked null", "revoked []", 'revoked "x"'],
      ...['revoked {"tokens":5}', 'revoked {"tokens":[1,[],[1],["a"],["b","x"],["",null]]}'],
      ...['revoked {"users":[["alice",null],["bob","5"],["x"],[{},5]]}'],
      `revoked {"tokens":[["${"x".repeat(129)}",null]]}`,
    ]) {
      await ways.server.send("PUBLISH", `${prefix}:c`, text);
    }
    await ways.server.send("PUBLISH", `${prefix}:c`, 'revoked {"tokens":[["t3",null]]}');
    await eventually("the one that is right", () => one.isRevoked("t3"));
    expect(one.revocations.size).toBe(1);
    await one.revocations.revokeToken("t1", null); // whatever is kept of it
    await using two = await open(prefix);
    expect([two.isRevoked("t1"), two.revocations.size]).toEqual([true, 1]);
  });
});
