import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RedisControl } from "../../src/broker/redis-control.ts";
import { RedisQuota } from "../../src/broker/redis-quota.ts";
import type { Clock } from "../../src/hub/ports.ts";
import { ConnectionLimiter } from "../../src/limit/connection-limiter.ts";
import type { Pass } from "../../src/limit/pass.ts";
import { toRate } from "../../src/limit/token-bucket.ts";
import { systemClock } from "../../src/opening.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/poll.ts";
import { type RedisWay, RedisWays } from "../support/redis-ways.ts";
import { findSystemProgram } from "../support/system-program.ts";

const isHere = findSystemProgram("redis") !== null;
let ways: RedisWays;
beforeAll(async () => {
  if (isHere) ways = await RedisWays.start();
});
afterAll(() => ways?.[Symbol.asyncDispose]());

/** Looks at what Redis holds twenty times as often as a server does. */
const hastyClock: Clock = {
  now: systemClock.now,
  after: (delayMs, act) => systemClock.after(delayMs / 20, act),
};

/** A node's limits, and its way to Redis. */
class QuotaNode implements AsyncDisposable {
  readonly way: RedisWay;
  readonly quota: RedisQuota;
  readonly limiter: ConnectionLimiter;

  constructor(prefix: string, userMax: number, frames = 0) {
    this.way = ways.open(prefix);
    const { link } = this.way;
    this.quota = new RedisQuota(link, new RedisControl(link), hastyClock);
    const bounds = { connectionsMax: 0, connectionsPerAddress: 0, connectionsPerUser: userMax };
    const frameRate = toRate(frames, frames);
    const now = () => 0; // no frame comes back
    this.limiter = new ConnectionLimiter({ ...bounds, frameRate }, now, this.quota);
  }

  async start(): Promise<this> {
    await this.way.start();
    return this;
  }

  /** Lets one more connection of a user in, or tells why not. */
  async admit(user: string): Promise<Pass | string> {
    const pass = this.limiter.admit("address");
    try {
      await pass.identify(user);
      return pass;
    } catch (thrown) {
      pass.release();
      return (thrown as { code: string }).code;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.quota.close();
    await this.way[Symbol.asyncDispose]();
  }
}

async function open(prefix: string, userMax: number, frames?: number): Promise<QuotaNode> {
  return new QuotaNode(prefix, userMax, frames).start();
}

async function countOf(node: QuotaNode, user: string): Promise<number> {
  const { prefix, node: id } = node.way.link;
  const kept = await ways.server.send("HGET", `${prefix}:users:${id}`, JSON.stringify(user));
  return Number(kept ?? 0);
}

describe.skipIf(!isHere)("connections of a user", () => {
  test("are bounded over all nodes, and one that leaves makes room on any of them", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, 3);
    await using two = await open(prefix, 3);
    const passes = [await one.admit("alice"), await one.admit("alice"), await two.admit("alice")];
    expect(passes.filter((pass) => typeof pass === "string")).toEqual([]);
    expect([await one.admit("alice"), await two.admit("alice")]).toEqual(["too_many", "too_many"]);
    expect(typeof (await two.admit("bob"))).toBe("object");
    expect([await countOf(one, "alice"), await countOf(two, "alice")]).toEqual([2, 1]);
    const [first] = passes;
    if (typeof first === "object") first.release();
    await eventually("the count falls", async () => (await countOf(one, "alice")) === 1);
    expect(typeof (await two.admit("alice"))).toBe("object");
    expect(await one.admit("alice")).toBe("too_many");
  });

  test("who come all at once to three nodes are let in exactly up to the bound", async () => {
    const prefix = ways.createPrefix();
    const nodes = [await open(prefix, 5), await open(prefix, 5), await open(prefix, 5)];
    for (let round = 0; round < 5; round += 1) {
      const user = `user ${round}`;
      const asked = Array.from({ length: 20 }, (_, at) => nodes[at % 3]?.admit(user));
      const passes = (await Promise.all(asked)).filter((pass) => typeof pass === "object");
      expect(passes).toHaveLength(5);
      const counts = await Promise.all(nodes.map((node) => countOf(node, user)));
      expect(counts.reduce((sum, count) => sum + count)).toBe(5);
      for (const pass of passes) pass.release();
      await eventually("nothing is left", async () => {
        const left = await Promise.all(nodes.map((node) => countOf(node, user)));
        return left.every((count) => count === 0);
      });
      expect(nodes.map(({ limiter }) => [limiter.count, limiter.size])).toEqual(
        nodes.map(() => [0, 0]),
      );
    }
    for (const node of nodes) await node[Symbol.asyncDispose]();
  });

  test("that leave while they are claimed are not counted any more", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, 1);
    const pass = one.limiter.admit("address");
    const claim = pass.identify("alice");
    pass.release();
    await claim;
    expect([one.limiter.count, one.limiter.size]).toEqual([0, 0]);
    await eventually("the count falls", async () => (await countOf(one, "alice")) === 0);
    expect(typeof (await one.admit("alice"))).toBe("object");
  });

  test("to a node whose lease is over do not count", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, 1);
    await using two = await open(prefix, 1);
    await one.admit("alice");
    const lease = (at: number) =>
      ways.server.send("ZADD", `${prefix}:nodes`, `${at}`, one.way.link.node);
    expect(await two.admit("alice")).toBe("too_many");
    await lease(-(Date.now() + 60_000)); // it tells anew who is where
    expect(await two.admit("alice")).toBe("too_many");
    await lease(Date.now() - 1);
    expect(typeof (await two.admit("alice"))).toBe("object");
    const kept = Number(await ways.server.send("PTTL", `${prefix}:users:${one.way.link.node}`));
    expect(kept > 0 && kept <= 60_000).toBe(true); // no node need sweep
  });

  test("are bounded by each node alone while Redis is away, and counted when it is back", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, 2);
    await using two = await open(prefix, 2);
    const first = await one.admit("alice");
    await one.way.part();
    await one.admit("alice");
    expect(await one.admit("alice")).toBe("too_many");
    if (typeof first === "object") first.release();
    expect(typeof (await two.admit("bob"))).toBe("object");
    await one.admit("carol");
    await one.way.join();
    expect([await countOf(one, "alice"), await countOf(one, "carol")]).toEqual([1, 1]);
    expect(typeof (await two.admit("alice"))).toBe("object");
    expect(await two.admit("alice")).toBe("too_many");
  });

  test("are counted again where Redis was emptied", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, 2);
    for (const user of ["alice", "bob", "bob"]) await one.admit(user);
    await ways.server.send("DEL", `${prefix}:users:${one.way.link.node}`);
    await eventually("the counts are back", async () => (await countOf(one, "bob")) === 2);
    expect(await countOf(one, "alice")).toBe(1);
  });
});

test.skipIf(!isHere)(
  "quotas have no timer before they are connected, nor once closed",
  async () => {
    await using way = ways.open(ways.createPrefix());
    const clock = new ManualClock();
    const quota = new RedisQuota(way.link, new RedisControl(way.link), clock);
    expect(clock.waiting).toBe(0);
    await way.start();
    expect(clock.waiting).toBe(1);
    quota.close();
    expect(clock.waiting).toBe(0);
  },
);

describe.skipIf(!isHere)("the pace of a user", () => {
  /** Frames that pass at once. */
  function spend(pass: Pass | string): number {
    if (typeof pass === "string") throw new Error(pass);
    let passed = 0;
    while (pass.spend() === 0) passed += 1;
    return passed;
  }

  test("is shared by the nodes that they are connected to, and whole again when one is left", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, 0, 60);
    await using two = await open(prefix, 10, 60);
    const first = await one.admit("alice");
    const second = await two.admit("alice");
    if (typeof first === "string" || typeof second === "string") throw new Error("refused");
    await eventually("both know", () => first.user?.nodes === 2 && second.user?.nodes === 2);
    expect([spend(first), spend(second)]).toEqual([30, 30]); // half of the burst each
    await two.admit("alice"); // a second one on the same node changes nothing
    second.release();
    expect(first.user?.nodes).toBe(2);
    await ways.server.send("ZADD", `${prefix}:nodes`, `${Date.now() - 1}`, two.way.link.node);
    await eventually("the node is alone", () => first.user?.nodes === 1);
  });

  test("of somebody on one node is theirs alone", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, 5, 60);
    await using two = await open(prefix, 5, 60);
    const alice = await one.admit("alice");
    await two.admit("bob");
    expect(spend(alice)).toBe(60);
  });
});
