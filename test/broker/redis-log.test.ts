/** What the log in Redis leaves there, and what it asks of it. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { codeOf, json, noBounds, plenty, range } from "../contract/broker-scene.ts";
import { publish, publishMany } from "../contract/broker-sharing.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/poll.ts";
import { RedisNodes } from "../support/redis-nodes.ts";
import { findSystemProgram } from "../support/system-program.ts";

const isHere = findSystemProgram("redis") !== null;
let redis: RedisNodes;
beforeAll(async () => {
  if (isHere) redis = await RedisNodes.start();
});
afterAll(() => redis?.[Symbol.asyncDispose]());

const from = { id: "alice", name: "Alice" };

describe.skipIf(!isHere)("channels in Redis", () => {
  test("are subscribed to by nodes that listen, and by no others", async () => {
    await using scene = await redis.openPair({});
    const [one, other] = scene.nodes;
    const channel = `${scene.prefix}:m:hall`;
    const subscribers = async () => {
      const answer = await redis.server.send("PUBSUB", "NUMSUB", channel);
      return Array.isArray(answer) ? answer[1] : Object.values(Object(answer))[0];
    };
    const expected = [0, 1, 2, 1, 0] as const;
    const steps = [
      () => one.broker.listen("hall"),
      () => other.broker.listen("hall"),
      () => one.broker.unlisten("hall"),
      () => other.broker.close(),
    ];
    expect(await subscribers()).toBe(expected[0]);
    for (const [index, step] of steps.entries()) {
      await step();
      const count = expected[index + 1] ?? 0;
      await eventually("so many subscribers", async () => (await subscribers()) === count);
    }
  });

  test("carry one announcement for each room and batch", async () => {
    await using scene = await redis.openPair({});
    const [one, other] = scene.nodes;
    const heard: string[] = [];
    await other.link.subscribe(`${scene.prefix}:m:hall`, (text) => heard.push(text));
    await Promise.all(range(1, 60).map((n) => publish(one, n % 2 ? "hall" : "yard", `id-${n}`)));
    await eventually("an announcement", () => heard.length > 0);
    expect(heard.map((text) => text.split("\n", 1)[0])).toEqual([
      `${(await one.broker.head("hall")).epoch} 1 30 30 ${one.link.node}`,
    ]);
  });

  test("carry no large messages: Redis would cut off who cannot read them at once", async () => {
    // While that much passes nothing else is answered, which takes a busy machine a while.
    await using scene = await redis.openPair({ silenceMsMax: 30_000 });
    const [one, other] = scene.nodes;
    for (const { broker } of scene.nodes) await broker.listen("hall");
    const heard: number[] = [];
    await other.link.subscribe(`${scene.prefix}:m:hall`, ({ length }) => heard.push(length));
    let downs = 0;
    for (const { link } of scene.nodes) link.onDown(() => (downs += 1));
    const large = { room: "hall", id: "1", from, at: 0, body: json("x".repeat(40_000_000)) };
    expect(await one.broker.publish(large)).toMatchObject({ offset: 1 });
    await publish(one, "hall", "2");
    await eventually("both of them", () => other.announced.length === 2);
    expect([one.offsets("hall"), other.offsets("hall"), downs]).toEqual([[1, 2], [1, 2], 0]);
    expect(Math.max(...heard)).toBeLessThan(1_000);
  });

  test("may carry what is not ours: it is passed over", async () => {
    await using scene = await redis.openPair({});
    const [one, other] = scene.nodes;
    await other.broker.listen("hall");
    const { epoch } = await one.broker.head("hall");
    const strange = ["", "\n", "nothing", "! \n", `${epoch} 1 1 1\n`, `${epoch} 1 x 1 abc\nx`];
    for (const text of strange) await redis.server.send("PUBLISH", `${scene.prefix}:m:hall`, text);
    await publish(one, "hall", "1");
    await eventually("the message", () => other.announced.length === 1);
    expect([other.offsets("hall"), other.moves, other.forgotten]).toEqual([[1], [], []]);
  });
});

describe.skipIf(!isHere)("keys in Redis", () => {
  test("all begin with the prefix, and two prefixes know nothing of each other", async () => {
    await using here = await redis.openPair({});
    await using there = await redis.openPair({});
    await publishMany(here.nodes[0], "hall", 3, "a");
    expect(await publish(there.nodes[0], "hall", "a1")).toMatchObject({ offset: 1 });
    const keys = await redis.server.send("KEYS", "*");
    const foreign = Array.isArray(keys) ? keys.filter((key) => !/^test-\d+:/.test(key)) : keys;
    expect(foreign).toEqual([]);
  });

  test("hold nothing of a room that was forgotten or grew too old but its name and number", async () => {
    const clock = new ManualClock();
    const retention = { ...noBounds, ageMsMax: 1_000 };
    await using scene = await redis.openPair({ clock, retention });
    const [one] = scene.nodes;
    const at = clock.now();
    for (const room of ["old", "forgotten"]) {
      await one.broker.publish({ room, id: "1", from, at, body: json(1) });
    }
    await one.broker.forget("forgotten");
    const keys = async () => {
      const found = await redis.server.send("KEYS", `${scene.prefix}:*`);
      return Array.isArray(found) ? found.map((key) => key.slice(scene.prefix.length + 1)) : [];
    };
    await eventually("all is gone", async () => {
      clock.advance(1_000);
      return (await keys()).every((key) => key === "heads" || key === "rooms");
    });
    expect((await one.broker.rooms("", 10)).map(({ room, last }) => [room, last])).toEqual([
      ["forgotten", 1],
      ["old", 1],
    ]);
  });

  test("stay where the clock of a node is ahead, until they are too old by that of Redis", async () => {
    const clock = new ManualClock();
    clock.advance(Date.now() + 3_600_000 - clock.now());
    const retention = { ...noBounds, ageMsMax: 60_000 };
    await using scene = await redis.openPair({ clock, retention });
    const [{ broker }] = scene.nodes;
    for (const [room, ageMs] of [
      ["young", 0],
      ["old", 120_000],
    ] as const) {
      await broker.publish({ room, id: "1", from, at: Date.now() - ageMs, body: json(1) });
    }
    const kept = async (room: string) => (await broker.read(room, 0, plenty, plenty)).length;
    await eventually("the old one is gone", async () => {
      clock.advance(1_000);
      return (await kept("old")) === 0;
    });
    expect(await kept("young")).toBe(1);
  });

  test("left of a life that is over are not taken for this one's", async () => {
    await using scene = await redis.openPair({});
    const [one, other] = scene.nodes;
    for (const { broker } of scene.nodes) await broker.listen("hall");
    await publishMany(one, "hall", 5, "a");
    await redis.server.send("DEL", `${scene.prefix}:heads`); // as an eviction would
    await eventually("both are told", () => scene.nodes.every(({ moves }) => moves.length === 1));
    await eventually("it is up", () => other.broker.health() === null);
    expect(await other.broker.read("hall", 0, plenty, plenty)).toEqual([]);
    expect(await publish(other, "hall", "a1")).toMatchObject({ offset: 1, duplicate: false });
    const kept = await other.broker.read("hall", 0, plenty, plenty);
    expect(kept.map(({ id, offset }) => [id, offset])).toEqual([["a1", 1]]);
    await eventually("the message", () => other.announced.length > 5);
    expect(other.announced.at(-1)).toMatchObject({ offset: 1, epoch: kept[0]?.epoch ?? "" });
  });
});

describe.skipIf(!isHere)("reading from Redis", () => {
  test("tells of another life before anything of it is read", async () => {
    await using scene = await redis.openPair({});
    const [one] = scene.nodes;
    await one.broker.listen("hall");
    await publishMany(one, "hall", 3, "a");
    await redis.server.send("HSET", `${scene.prefix}:heads`, " epoch", "another1");
    const kept = await one.broker.read("hall", 1, plenty, plenty);
    expect(kept.map(({ epoch, offset }) => [epoch, offset])).toContainEqual(["another1", 2]);
    expect(one.moves).toEqual([{ room: "hall", to: { epoch: "another1", offset: 3 } }]);
  });
});

describe.skipIf(!isHere)("scripts in Redis", () => {
  /** How often Redis has run some commands. */
  async function calls(...commands: readonly string[]): Promise<number> {
    const stats = String(await redis.server.send("INFO", "commandstats"));
    const counts = commands.map((name) => new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats));
    return counts.reduce((sum, count) => sum + Number(count?.[1] ?? 0), 0);
  }

  test("never hold it for long: much to read or to forget is many scripts", async () => {
    const clock = new ManualClock();
    await using scene = await redis.openPair({
      clock,
      retention: { ...noBounds, ageMsMax: 1_000 },
    });
    const [one] = scene.nodes;
    const at = clock.now();
    const large = json("x".repeat(500_000));
    for (const [room, count, body] of [
      ["long", 10_000, json(1)],
      ["large", 60, large],
    ] as const) {
      const ids = range(1, count);
      await Promise.all(ids.map((id) => one.broker.publish({ room, id: `${id}`, body, from, at })));
    }
    const before = await calls("evalsha");
    expect(await one.broker.read("long", 0, plenty, plenty)).toHaveLength(10_000);
    expect((await calls("evalsha")) - before).toBeGreaterThanOrEqual(10_000 / 512);
    expect(await one.broker.readBefore("large", 100, plenty, plenty)).toHaveLength(60);
    expect((await calls("evalsha")) - before).toBeGreaterThanOrEqual(10_000 / 512 + 60 / 2);
    const rooms = range(1, 20).map((n) => `room-${n}`);
    await Promise.all(
      rooms.map((room) => one.broker.publish({ room, id: "1", body: large, from, at })),
    );
    const looks = await calls("evalsha");
    expect(await one.broker.rooms("room-", 100)).toHaveLength(20);
    expect((await calls("evalsha")) - looks).toBeGreaterThanOrEqual((20 * 500_000) / 5_242_880);
    const trims = await calls("xtrim");
    await eventually("all is forgotten", async () => {
      clock.advance(1_000);
      const rooms = await one.broker.rooms("", 10);
      return rooms.every(({ first, last }) => first > last);
    });
    // Up to 639 messages at a time, and up to 5 MiB; the last of each room goes with its stream.
    const least = Math.floor(10_000 / 639) + Math.floor((60 * 500_000) / 5_242_880);
    expect((await calls("xtrim")) - trims).toBeGreaterThanOrEqual(least);
  });
});

describe.skipIf(!isHere)("publishing to Redis", () => {
  test("is refused where another run is in use than the node has adopted", async () => {
    await using scene = await redis.openPair({});
    const [one] = scene.nodes;
    await one.broker.listen("hall");
    await publish(one, "hall", "1");
    const heads = `${scene.prefix}:heads`;
    await redis.server.send("HSET", heads, " run", "another");
    expect(await codeOf(publish(one, "hall", "2"))).toBe("unavailable");
    expect(await redis.server.send("HGET", heads, "hall")).toBe("1");
    await eventually("it has adopted that", () => one.broker.health() === null);
    expect(await publish(one, "hall", "2")).toMatchObject({ offset: 2, duplicate: false });
  });

  test("announces nothing of a batch that was cut off by a key of somebody else", async () => {
    await using scene = await redis.openPair({});
    const [one, other] = scene.nodes;
    for (const { broker } of scene.nodes) await broker.listen("hall");
    await publish(one, "yard", "1");
    await redis.server.send("SET", `${scene.prefix}:log:yard`, "strange");
    const batch = [publish(one, "hall", "lost"), publish(one, "yard", "2")];
    expect(await Promise.all(batch.map(codeOf))).not.toContain("no error");
    expect(await publish(one, "hall", "kept")).toMatchObject({ offset: 1 });
    for (const { announced } of [one, other]) {
      await eventually("the one that is kept", () => announced.length > 0);
      expect(announced.filter(({ room }) => room === "hall").map(({ id }) => id)).toEqual(["kept"]);
    }
  });

  test("goes on after what somebody else has written into a room", async () => {
    await using scene = await redis.openPair({});
    const [one, other] = scene.nodes;
    for (const { broker } of scene.nodes) await broker.listen("hall");
    await publishMany(one, "hall", 3, "a");
    const log = `${scene.prefix}:log:hall`;
    await redis.server.send("XADD", log, "*", "strange", "thing");
    await redis.server.send("XADD", log, "*", "e", "epoch", "m", '"a4"\n1 2 j ["x","y"]\n1');
    await redis.server.send("HSET", `${scene.prefix}:ids:hall`, '"a4"', "4");
    await publish(one, "yard", "1");
    const published = await publishMany(other, "hall", 5, "a");
    expect(published.map(({ duplicate }) => duplicate)).toEqual([true, true, true, false, false]);
    await publishMany(one, "hall", 3, "b");
    await eventually("all of them", () => other.offsets("hall").length >= 8);
    expect(other.offsets("hall")).toEqual(range(1, 8));
    expect(await one.broker.head("hall")).toMatchObject({ first: 1, last: 8 });
    expect(await one.broker.read("hall", 0, plenty, plenty)).toHaveLength(8);
  });

  test("leaves messages their places when a batch was cut off after them", async () => {
    await using scene = await redis.openPair({});
    const [one] = scene.nodes;
    await publishMany(one, "hall", 5, "a");
    const log = `${scene.prefix}:log:hall`;
    await redis.server.send("XTRIM", log, "MINID", "3-0");
    await redis.server.send("XADD", log, "6-0", "e", "epoch", "m", '"a6"\n1 2 j ["x","y"]\n1');
    const expected = range(3, 5).map((offset) => [offset, `a${offset}`]);
    for (const kept of [
      await one.broker.read("hall", 0, plenty, plenty),
      await one.broker.readBefore("hall", 6, plenty, plenty),
    ]) {
      expect(kept.map(({ offset, id }) => [offset, id])).toEqual(expected);
    }
  });

  test("comes back where a room cannot be read", async () => {
    await using scene = await redis.openPair({});
    const [one, other] = scene.nodes;
    for (const { broker } of scene.nodes)
      for (const room of ["hall", "yard"]) await broker.listen(room);
    await publishMany(one, "hall", 3, "a");
    await eventually("the first ones", () => other.announced.length === 3);
    await other.part();
    await redis.server.send("XADD", `${scene.prefix}:log:hall`, "4-0", "strange", "thing");
    await redis.server.send("HSET", `${scene.prefix}:heads`, "hall", "4");
    await publish(one, "yard", "1");
    await other.join();
    expect(other.offsets("yard")).toEqual([1]);
    expect(await codeOf(publish(other, "yard", "2"))).toBe("no error");
  });

  test("turns away what is more than may wait, and loses nothing of what it took", async () => {
    await using scene = await redis.openPair({});
    const [one] = scene.nodes;
    const publishes = range(1, 20_000).map((n) => codeOf(publish(one, "hall", `id-${n}`)));
    const codes = await Promise.all(publishes);
    const taken = codes.filter((code) => code === "no error").length;
    expect(codes.filter((code) => code === "unavailable")).toHaveLength(20_000 - taken);
    expect(taken).toBe(16_384);
    expect(await one.broker.head("hall")).toMatchObject({ first: 1, last: taken });
  });
});
