import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { parseRedisAddresses } from "../../src/broker/redis-address.ts";
import type { Adopted, RedisLink, RedisLinkOptions } from "../../src/broker/redis-link.ts";
import { createRedisLink } from "../../src/broker/redis-reconnection.ts";
import { systemClock } from "../../src/opening.ts";
import { eventually } from "../support/poll.ts";
import { RedisServer } from "../support/redis-server.ts";
import { findSystemProgram } from "../support/system-program.ts";

const hasRedis = findSystemProgram("redis") !== null;
const prefix = "party";
const heads = `${prefix}:heads`;

/** A link, and what it said. */
class Linked implements AsyncDisposable {
  readonly link: RedisLink;
  readonly breaks: string[] = [];
  readonly heals: string[] = [];
  readonly warnings: string[] = [];
  readonly failures: unknown[] = [];
  readonly adopted: Adopted[] = [];

  constructor(urls: string, options: Partial<RedisLinkOptions> = {}) {
    const addresses = parseRedisAddresses(urls);
    if (addresses === undefined) throw new Error("The test names no Redis.");
    this.link = createRedisLink({
      ...{ addresses, prefix, clock: systemClock, checkMs: 30 },
      onBreak: (reason) => this.breaks.push(reason),
      onHeal: (_, place) => this.heals.push(place),
      onWarning: (sentence) => this.warnings.push(sentence),
      onFailure: (thrown) => this.failures.push(thrown),
      ...options,
    });
    this.link.onConnect(async (_, adopted) => void this.adopted.push(adopted));
  }

  static async start(urls: string, options: Partial<RedisLinkOptions> = {}): Promise<Linked> {
    const linked = new Linked(urls, options);
    await linked.link.start();
    return linked;
  }

  get epoch(): string {
    return this.adopted.at(-1)?.epoch ?? "";
  }

  async broken(times = 1): Promise<string> {
    await eventually(`break ${times}`, () => this.breaks.length >= times);
    return this.breaks.at(-1) ?? "";
  }

  async healed(times = 1): Promise<void> {
    const isUp = () => this.heals.length >= times && this.link.health() === null;
    await eventually(`heal ${times}`, isUp);
  }

  /** Stores `count` messages, as far as the link can tell. */
  async store(count: number): Promise<number> {
    const seq = Number(await this.link.send("HINCRBY", [heads, " seq", `${count}`]));
    this.link.noteSeq(this.epoch, seq);
    return seq;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link.close();
    expect(this.failures).toEqual([]);
  }
}

async function refusalOf(urls: string): Promise<string> {
  await using linked = new Linked(urls);
  const thrown = await linked.link.start().then(
    () => null,
    (error) => error,
  );
  expect(thrown?.name).toBe("StoreError");
  expect(linked.link.health()).not.toBeNull();
  return thrown.message;
}

describe.skipIf(!hasRedis)("a link to Redis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  beforeEach(() => redis.flush());
  afterAll(() => redis[Symbol.asyncDispose]());

  describe("when it starts", () => {
    test("is up once everything that acts on a connect has acted, in order", async () => {
      await using linked = new Linked(redis.url);
      const seen: unknown[] = [];
      const { link } = linked;
      link.onConnect(async () => {
        await Bun.sleep(1);
        seen.push("first", link.health(), await link.send("HGET", [heads, " run"]));
      });
      link.onConnect(async () => void seen.push("second"));
      await link.start();
      expect(seen).toEqual(["first", "The link to Redis is not open.", link.run, "second"]);
      expect(link.health()).toBeNull();
      expect(await redis.send("CLIENT", "LIST")).toContain(`name=partyline-${link.node}`);
    });

    test("tells an act that comes late at once", async () => {
      await using linked = await Linked.start(redis.url);
      const seen: Adopted[] = [];
      linked.link.onConnect(async (_, adopted) => void seen.push(adopted));
      expect(seen).toMatchObject(linked.adopted);
    });

    const forbidden = "does not permit this user what Partyline needs.";

    test("says of a Redis that it cannot use which one it is and why", async () => {
      await using closed = await RedisServer.start({ password: "hush hush" });
      await using follower = await RedisServer.start({ replicaOf: redis });
      const web = Bun.serve({ port: 0, fetch: () => new Response("no") });
      // As Redis makes them: a user may publish and subscribe nowhere unless it is told.
      await redis.send("ACL", "SETUSER", "mute", "on", ">hush", "~*", "+@all", "resetchannels");
      const all = ["on", ">hush", "~*", "&*", "+@all"];
      await redis.send("ACL", "SETUSER", "late", ...all, "-time");
      await redis.send("ACL", "SETUSER", "still", ...all, "-publish");
      const at = (port: number | undefined) => `redis://127.0.0.1:${port}`;
      const advice =
        "Put that right, or name another one with the key redis (PARTYLINE_REDIS_URL).";
      for (const [url, reason] of [
        [at(1), "refuses connections: nothing listens there."],
        [at(closed.port), "asks for a password."],
        [
          `redis://:wrong%20hush@127.0.0.1:${closed.port}`,
          "does not accept the user name or password.",
        ],
        [`redis://mute:hush@127.0.0.1:${redis.port}`, forbidden],
        [`redis://late:hush@127.0.0.1:${redis.port}`, forbidden],
        [`redis://still:hush@127.0.0.1:${redis.port}`, forbidden],
        [at(follower.port), "is a replica."],
        [at(web.port), "does not answer as Redis does."],
        [`rediss://127.0.0.1:${web.port}`, "does not answer over TLS (rediss)."],
      ] as const) {
        const refusal = await refusalOf(url);
        expect(refusal).toBe(`The Redis at ${new URL(url).host} ${reason} ${advice}`);
        expect(refusal).not.toContain("hush");
      }
      await web.stop(true);
    });

    test("takes a password with any signs in it", async () => {
      await using closed = await RedisServer.start({ password: "a b/@:%,é" });
      await using linked = await Linked.start(closed.url.replace(",", "%2C"));
      expect(await linked.link.send("PING", [])).toBe("PONG");
    });

    test("takes the first of several addresses that leads to a master", async () => {
      await using follower = await RedisServer.start({ replicaOf: redis });
      await using linked = await Linked.start(
        `redis://127.0.0.1:1,${follower.url},${redis.url},redis://127.0.0.1:2`,
      );
      await linked.link.send("SET", ["here", "1"]);
      expect(await redis.send("GET", "here")).toBe("1");
    });

    test("warns once of a Redis that keeps nothing, or that drops rooms", async () => {
      await using careless = await RedisServer.start({ policy: "allkeys-lru" });
      await using careful = await RedisServer.start({ appendonly: true });
      await using snapshots = await RedisServer.start({ save: "3600 1" });
      await using first = await Linked.start(careless.url);
      await using second = await Linked.start(careful.url);
      await using third = await Linked.start(snapshots.url);
      await eventually("the warnings", () => first.warnings.length === 2);
      expect(first.warnings[0]).toContain("keeps nothing on disk");
      expect(first.warnings[1]).toContain("maxmemory-policy allkeys-lru");
      await eventually("the other warning", () => third.warnings.length === 1);
      expect(third.warnings[0]).toContain("writes only snapshots");
      expect(second.warnings).toEqual([]);
      await careless.send("CLIENT", "KILL", "TYPE", "pubsub");
      await first.healed();
      await first.link.send("PING", []);
      expect(first.warnings).toHaveLength(2);
    });
  });

  describe("when its Redis fails", () => {
    test("turns everything away at once, and heals with its subscriptions", async () => {
      await using server = await RedisServer.start();
      await using linked = await Linked.start(server.url);
      const { link } = linked;
      const heard: string[] = [];
      const down: unknown[] = [];
      link.onDown(() => down.push(link.run));
      await link.subscribe("news", (text) => heard.push(text));
      server.pause();
      const waiting = link.send("PING", []).catch((thrown) => thrown.message);
      await server.kill();
      expect(await waiting).toBe("The message store cannot be reached.");
      expect(await linked.broken()).toStartWith(`The Redis at 127.0.0.1:${server.port} closed`);
      expect(down).toEqual([""]);
      expect(link.run).toBe("");
      await expect(link.send("PING", [])).rejects.toMatchObject({
        code: "unavailable",
        retryAfterMs: 1_000,
      });
      await expect(link.subscribe("other", () => {})).rejects.toThrow("cannot be reached");
      await eventually("the reason", () => link.health()?.includes("refuses connections"));
      await server.restart();
      await linked.healed();
      await server.send("PUBLISH", "news", "again");
      await eventually("the news", () => heard.length > 0);
      expect(heard).toEqual(["again"]);
      expect(await server.send("PUBSUB", "CHANNELS")).toEqual(
        expect.arrayContaining(["news", `${prefix}:epoch`]),
      );
      expect(linked.breaks).toHaveLength(1);
    });

    test("notices a Redis that hangs, and comes back when it goes on", async () => {
      await using server = await RedisServer.start();
      await using linked = await Linked.start(server.url, { silenceMsMax: 1_500 });
      const before = linked.epoch;
      server.pause();
      const startedAt = performance.now();
      await expect(linked.link.send("PING", [])).rejects.toThrow("cannot be reached");
      expect(performance.now() - startedAt).toBeGreaterThan(1_400);
      expect(linked.link.health()).toBe("Redis does not answer.");
      server.resume();
      await linked.healed();
      expect(linked.epoch).toBe(before);
    });

    test("waits for a Redis that is behind, and answers all the while", async () => {
      await using server = await RedisServer.start();
      await using linked = await Linked.start(server.url, { silenceMsMax: 1_000 });
      const busy = `
        local function now() local t = redis.call("TIME") return t[1] * 1000 + t[2] / 1000 end
        local start = now()
        while now() < start + 60 do end
        return "done"`;
      // So large that Redis takes one at a time, and writes each answer before the next.
      const args = [busy, "0", "x".repeat(40_000)];
      const answers = Array.from({ length: 40 }, () => linked.link.send("EVAL", args));
      expect(new Set(await Promise.all(answers))).toEqual(new Set(["done"]));
      expect(linked.breaks).toEqual([]);
    });

    test("takes no stall of its own for one of Redis", async () => {
      // Long enough that no stall of Redis itself is as long.
      await using linked = await Linked.start(redis.url, { silenceMsMax: 1_500 });
      for (let stall = 0; stall < 2; stall += 1) {
        Bun.sleepSync(1_600);
        await linked.link.send("PING", []);
      }
      expect(linked.breaks).toEqual([]);
    });

    test.each(["normal", "pubsub"])(
      "heals when its %s connection is cut, however often",
      async (type) => {
        await using linked = await Linked.start(redis.url);
        const heard: string[] = [];
        await linked.link.subscribe("news", (text) => heard.push(text));
        for (let time = 1; time <= 3; time += 1) {
          await redis.send("CLIENT", "KILL", "TYPE", type);
          await linked.healed(time);
          await redis.send("PUBLISH", "news", `${time}`);
          await eventually("the news", () => heard.length >= time);
        }
        expect(heard).toEqual(["1", "2", "3"]);
        expect(new Set(linked.adopted.map(({ epoch }) => epoch)).size).toBe(1);
      },
    );

    test("leaves a master that becomes a replica for the one it follows", async () => {
      await using first = await RedisServer.start();
      await using second = await RedisServer.start({ replicaOf: first });
      await using linked = await Linked.start(`${first.url},${second.url}`);
      await linked.store(3);
      expect(await first.send("WAIT", "1", "5000")).toBe(1);
      const { epoch } = linked;
      await second.send("REPLICAOF", "NO", "ONE");
      await first.send("REPLICAOF", "127.0.0.1", `${second.port}`);
      expect(await linked.broken()).toContain("is a replica");
      await linked.healed();
      expect(linked.heals).toEqual([`127.0.0.1:${second.port}`]);
      expect(linked.epoch).toBe(epoch);
    });

    test.each([
      ["maxmemory", "1", "0", "has no memory left"],
      ["min-replicas-to-write", "1", "0", "too few replicas"],
    ])("stays up when writes are refused by %s, and says so while it lasts", async (...row) => {
      const [setting, bad, good, reason] = row;
      const refusals: string[] = [];
      const onRefusal = (sentence: string) => refusals.push(sentence);
      let acceptances = 0;
      const onAcceptance = () => {
        acceptances += 1;
      };
      await using linked = await Linked.start(redis.url, { onRefusal, onAcceptance });
      const { link } = linked;
      await redis.send("CONFIG", "SET", setting, bad);
      try {
        await expect(link.send("SET", ["a", "1"])).rejects.toMatchObject({
          code: "unavailable",
          message: "The message store takes no messages now.",
        });
        await link.send("SET", ["a", "1"]).catch(() => {});
        expect(link.health()).toContain(reason);
        expect(await link.send("GET", ["a"])).toBeNull();
        expect(acceptances).toBe(0);
      } finally {
        await redis.send("CONFIG", "SET", setting, good);
      }
      await eventually("the end of it", () => link.health() === null);
      expect(linked.breaks).toEqual([]);
      expect(refusals).toEqual([expect.stringContaining(reason)]);
      expect(acceptances).toBe(1);
    });

    test("is down while its user may not run scripts, and says so", async () => {
      await using server = await RedisServer.start();
      await using linked = await Linked.start(server.url);
      const script = { name: "one", lua: "return 1" };
      await server.send("ACL", "SETUSER", "default", "-evalsha");
      await expect(linked.link.evaluate(script, [], [])).rejects.toThrow("cannot be reached");
      await eventually("the reason", () => linked.link.health()?.includes("does not permit"));
      expect(await linked.broken()).toContain("does not permit this user");
      await server.send("ACL", "SETUSER", "default", "+evalsha");
      await linked.healed();
      expect(await linked.link.evaluate(script, [], [])).toBe(1);
    });

    test("does not tell of a refusal that ended while the link was down", async () => {
      await using linked = await Linked.start(redis.url, { checkMs: 60_000 });
      await redis.send("CONFIG", "SET", "maxmemory", "1");
      const refused = await linked.link.send("SET", ["a", "1"]).catch((thrown) => thrown.message);
      await redis.send("CONFIG", "SET", "maxmemory", "0");
      expect(refused).toContain("takes no messages now");
      expect(linked.link.health()).toContain("has no memory left");
      await redis.send("CLIENT", "KILL", "TYPE", "pubsub");
      await linked.healed();
    });

    test("can be adopted anew while it has no memory left", async () => {
      await using linked = await Linked.start(redis.url);
      await redis.send("CONFIG", "SET", "maxmemory", "1");
      try {
        await redis.flush();
        await linked.healed();
        expect(linked.adopted).toHaveLength(2);
      } finally {
        await redis.send("CONFIG", "SET", "maxmemory", "0");
      }
    });

    test("breaks when an act rejects, and tries again", async () => {
      await using linked = new Linked(redis.url);
      let times = 0;
      linked.link.onConnect(async (link) => {
        times += 1;
        if (times === 2) await link.send("EVAL", ["return redis.error_reply('LOADING x')", "0"]);
      });
      await linked.link.start();
      await redis.send("CLIENT", "KILL", "TYPE", "pubsub");
      await linked.healed();
      expect(times).toBe(3);
      expect([linked.breaks.length, linked.heals.length]).toEqual([1, 1]);
    });
  });

  describe("takes a Redis into use", () => {
    const publish = {
      name: "publish",
      lua: `if redis.call("HGET", KEYS[1], " run") ~= ARGV[1] then
        return redis.error_reply("FENCED by a newer one")
      end
      return redis.call("HINCRBY", KEYS[1], " seq", 1)`,
    };

    test("with the epoch that it has", async () => {
      await using first = await Linked.start(redis.url);
      await first.store(7);
      await using second = await Linked.start(redis.url);
      expect(second.adopted).toEqual([{ epoch: first.epoch, seq: 7 }]);
      expect(second.link.run).toBe(first.link.run);
      expect(second.link.node).not.toBe(first.link.node);
    });

    test("with a new epoch on all nodes when it was emptied, soon or at the next write", async () => {
      await using first = await Linked.start(redis.url);
      await using second = await Linked.start(redis.url, { checkMs: 60_000 });
      const { epoch } = first;
      const { run } = second.link;
      await redis.flush();
      const published = second.link.evaluate(publish, [heads], [run]);
      await expect(published).rejects.toMatchObject({ code: "unavailable" });
      await Promise.all([first.healed(), second.healed()]);
      await eventually("one epoch", () => first.epoch === second.epoch);
      expect(first.epoch).not.toBe(epoch);
      await expect(second.link.evaluate(publish, [heads], [run])).rejects.toThrow();
    });

    test("anew when another node has found that messages were lost", async () => {
      await using linked = await Linked.start(redis.url, { checkMs: 60_000 });
      await redis.send("PUBLISH", `${prefix}:epoch`, linked.epoch);
      await redis.send("PUBLISH", `${prefix}:epoch`, "another1");
      expect(await linked.broken()).toContain("has begun a new epoch");
      await linked.healed();
      expect(linked.breaks).toHaveLength(1);
    });

    test("anew as soon as a write is refused by its fence", async () => {
      await using linked = await Linked.start(redis.url, { checkMs: 60_000 });
      await redis.send("HSET", heads, " run", "9:another:run");
      const { link } = linked;
      const refused = await link.evaluate(publish, [heads], [link.run]).catch((it) => it.code);
      expect(refused).toBe("unavailable");
      await linked.healed();
      expect(await link.evaluate(publish, [heads], [link.run])).toBe(1);
    });

    test("with the same epoch when it comes back from its append-only file", async () => {
      await using server = await RedisServer.start({ appendonly: true, appendfsync: "always" });
      await using linked = await Linked.start(server.url);
      await linked.store(5);
      const { epoch, run } = { epoch: linked.epoch, run: linked.link.run };
      await server.kill();
      await server.restart();
      await linked.healed();
      expect(linked.adopted.at(-1)).toEqual({ epoch, seq: 5 });
      expect(linked.link.run).not.toBe(run);
    });

    test("with a new epoch when it lost what this node knows to be stored", async () => {
      await using server = await RedisServer.start({ save: "3600 1000" });
      await using knowing = await Linked.start(server.url);
      await using ignorant = await Linked.start(server.url);
      await knowing.store(5);
      const { epoch } = knowing;
      await server.send("SAVE");
      await knowing.store(1);
      await server.kill();
      await server.restart();
      await Promise.all([knowing.healed(), ignorant.healed()]);
      await eventually("one epoch", () => knowing.epoch === ignorant.epoch);
      expect(knowing.epoch).not.toBe(epoch);
      expect(knowing.adopted.at(-1)?.seq).toBe(5);
    });

    test.each([
      ["all that is known", 0],
      ["less than that", 1],
    ])("that takes over with %s", async (_, lost) => {
      await using first = await RedisServer.start();
      await using second = await RedisServer.start({ replicaOf: first });
      await using linked = await Linked.start(`${first.url},${second.url}`);
      await linked.store(5);
      expect(await first.send("WAIT", "1", "5000")).toBe(1);
      const { epoch } = linked;
      await second.send("REPLICAOF", "NO", "ONE");
      await linked.store(lost);
      await first.kill();
      await linked.healed();
      expect(linked.heals).toEqual([`127.0.0.1:${second.port}`]);
      expect(linked.epoch === epoch).toBe(lost === 0);
    });
  });

  test("runs scripts in the order of the calls, whenever they are first used", async () => {
    await using linked = await Linked.start(redis.url);
    const push = (name: string) => ({ name, lua: `return redis.call("RPUSH", "l", "${name}")` });
    const scripts = [push("a"), push("b")];
    const order = Array.from({ length: 200 }, (_, index) => (index < 50 ? 0 : index % 2));
    const calls = order.map((index) => linked.link.evaluate(scripts[index] ?? push("c"), [], []));
    expect(await Promise.all(calls)).toEqual(order.map((_, index) => index + 1));
    const stored = await redis.send("LRANGE", "l", "0", "-1");
    expect(stored).toEqual(order.map((index) => scripts[index]?.name));
  });

  test("has its scripts again after Redis forgot them", async () => {
    await using linked = await Linked.start(redis.url);
    const script = { name: "one", lua: "return 1" };
    expect(await linked.link.evaluate(script, [], [])).toBe(1);
    await redis.send("SCRIPT", "FLUSH");
    const rejected = await linked.link.evaluate(script, [], []).catch((thrown) => thrown.code);
    expect(rejected).toBe("unavailable");
    expect(await linked.link.evaluate(script, [], [])).toBe(1);
    expect(linked.breaks).toEqual([]);
  });

  test("tells each listener of a channel once, and none after it was unsubscribed", async () => {
    await using linked = await Linked.start(redis.url);
    const { link } = linked;
    const heard: string[] = [];
    await Promise.all(
      ["x", "y"].map((who) => link.subscribe("c", (text) => heard.push(who + text))),
    );
    await redis.send("PUBLISH", "c", "1");
    await eventually("the first message", () => heard.length >= 2);
    link.unsubscribe("c");
    const renewed = link.subscribe("c", (text) => heard.push(`z${text}`));
    await renewed;
    await redis.send("PUBLISH", "c", "2");
    await eventually("the second message", () => heard.includes("z2"));
    link.unsubscribe("c");
    await eventually("nobody", async () => (await redis.send("PUBLISH", "c", "3")) === 0);
    expect(heard).toEqual(["x1", "y1", "z2"]);
  });

  test("survives a listener that throws, and reports it", async () => {
    const failures: unknown[] = [];
    await using linked = await Linked.start(redis.url, { onFailure: (it) => failures.push(it) });
    await linked.link.subscribe("c", () => {
      throw new Error("a defect");
    });
    await redis.send("PUBLISH", "c", "1");
    await eventually("the report", () => failures.length > 0);
    expect(await linked.link.send("PING", [])).toBe("PONG");
  });

  test("rejects with a defect what only a defect explains", async () => {
    await using linked = await Linked.start(redis.url);
    const wrong = linked.link.evaluate({ name: "wrong", lua: "return nothing()" }, [], []);
    await expect(wrong).rejects.toMatchObject({ code: "ERR_REDIS_SERVER_ERROR" });
    expect(linked.link.health()).toBeNull();
  });

  test("is closed for good, also while it tries to come back", async () => {
    await using server = await RedisServer.start();
    await using linked = await Linked.start(server.url);
    await server.kill();
    await linked.broken();
    await linked.link.close();
    await linked.link.close();
    await server.restart();
    await expect(linked.link.send("PING", [])).rejects.toThrow("cannot be reached");
    expect(linked.link.health()).toBe("The link to Redis is closed.");
    expect(linked.heals).toEqual([]);
  });
});
