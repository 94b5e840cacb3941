/** What becomes of the log when Redis fails: nothing acknowledged is lost, nothing comes twice. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Published } from "../../src/hub/ports.ts";
import { codeOf, json, plenty, range } from "../contract/broker-scene.ts";
import { publish, publishMany } from "../contract/broker-sharing.ts";
import { eventually } from "../support/poll.ts";
import { type RedisNode, RedisNodes } from "../support/redis-nodes.ts";
import { findSystemProgram } from "../support/system-program.ts";

const durable = { appendonly: true, appendfsync: "always" } as const;
const rooms = ["hall", "yard"];
setDefaultTimeout(60_000);

/** Publishes from some nodes until it is stopped; what is turned away is published again. */
class Writers {
  readonly acknowledged = new Map<string, Published & { readonly room: string }>();
  refusals = 0;
  #isStopped = false;
  readonly #writing: Promise<void>[];

  constructor(nodes: readonly RedisNode[]) {
    this.#writing = nodes.flatMap((node, index) =>
      range(1, 8).map((writer) => this.#write(node, `${index}-${writer}`)),
    );
  }

  /** Waits for so many acknowledgements more. */
  async more(count: number): Promise<void> {
    const enough = this.acknowledged.size + count;
    await eventually("acknowledgements", () => this.acknowledged.size >= enough, 20_000);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#writing);
  }

  async #write(node: RedisNode, writer: string): Promise<void> {
    for (let n = 1; !this.#isStopped; n += 1) {
      const room = rooms[n % rooms.length] ?? "";
      const id = `${writer}-${n}`;
      for (;;) {
        try {
          this.acknowledged.set(id, { room, ...(await publish(node, room, id)) });
          break;
        } catch {
          this.refusals += 1;
          await Bun.sleep(5);
        }
      }
    }
  }
}

/** Makes sure that every node announced all that is kept, once, and that all acknowledged is kept. */
async function verify(nodes: readonly RedisNode[], { acknowledged }: Writers): Promise<void> {
  for (const room of rooms) {
    const kept = (await nodes[0]?.broker.read(room, 0, plenty, plenty)) ?? [];
    expect(kept.map(({ offset }) => offset)).toEqual(range(1, kept.length));
    expect(new Set(kept.map(({ id }) => id)).size).toBe(kept.length);
    const places = new Map(kept.map(({ id, offset }) => [id, offset]));
    for (const [id, answer] of acknowledged) {
      if (answer.room === room) expect([id, places.get(id)]).toEqual([id, answer.offset]);
    }
    for (const node of nodes) {
      await eventually("all of them", () => node.offsets(room).length >= kept.length);
      expect(node.announced.filter((message) => message.room === room)).toEqual(kept);
    }
  }
  for (const { moves } of nodes) expect(moves).toEqual([]);
}

async function listenOnAll(nodes: readonly RedisNode[]): Promise<void> {
  for (const { broker } of nodes) for (const room of rooms) await broker.listen(room);
}

async function areUp(nodes: readonly RedisNode[]): Promise<void> {
  const isUp = () => nodes.every(({ broker }) => broker.health() === null);
  await eventually("both nodes are up", isUp, 20_000);
}

async function areDown(nodes: readonly RedisNode[]): Promise<void> {
  const isDown = () => nodes.every(({ broker }) => broker.health() !== null);
  await eventually("both nodes are down", isDown);
}

describe.skipIf(findSystemProgram("redis") === null)("the log in a Redis that fails", () => {
  test("keeps what was acknowledged when Redis is killed under load, each once", async () => {
    await using redis = await RedisNodes.start(durable);
    await using scene = await redis.openPair({});
    await listenOnAll(scene.nodes);
    const writers = new Writers(scene.nodes);
    for (const _ of range(1, 3)) {
      await writers.more(500);
      await redis.server.kill();
      await areDown(scene.nodes);
      await redis.server.restart();
      await areUp(scene.nodes);
    }
    await writers.more(500);
    await writers.stop();
    await verify(scene.nodes, writers);
    expect(writers.refusals).toBeGreaterThan(0);
  });

  test("keeps it when Redis hangs, and announces once what it stored too late to say so", async () => {
    await using redis = await RedisNodes.start(durable);
    await using scene = await redis.openPair({ silenceMsMax: 1_500 });
    await listenOnAll(scene.nodes);
    const writers = new Writers(scene.nodes);
    for (const _ of range(1, 2)) {
      await writers.more(200);
      redis.server.pause();
      await areDown(scene.nodes);
      redis.server.resume();
      await areUp(scene.nodes);
    }
    await writers.more(200);
    await writers.stop();
    await verify(scene.nodes, writers);
  });

  test("announces once what reached Redis only after its publisher was turned away", async () => {
    await using redis = await RedisNodes.start();
    await using scene = await redis.openPair({ silenceMsMax: 1_500 });
    const [one, other] = scene.nodes;
    await listenOnAll(scene.nodes);
    await publish(one, "hall", "1");
    one.way.hold();
    expect(await codeOf(publish(one, "hall", "late"))).toBe("unavailable");
    await areUp(scene.nodes);
    await publish(other, "hall", "2");
    await eventually("the second", () => one.announced.length === 2);
    one.way.release();
    for (const { announced } of scene.nodes) {
      await eventually("the late one", () => announced.length === 3);
      expect(announced.map(({ id, offset }) => [id, offset])).toEqual([
        ["1", 1],
        ["2", 2],
        ["late", 3],
      ]);
    }
    expect(await publish(one, "hall", "late")).toMatchObject({ offset: 3, duplicate: true });
  });

  test("keeps it when the way to Redis is cut at random, each once", async () => {
    await using redis = await RedisNodes.start();
    await using scene = await redis.openPair({});
    await listenOnAll(scene.nodes);
    const writers = new Writers(scene.nodes);
    for (const n of range(1, 6)) {
      await writers.more(50 + 37 * (n % 4));
      scene.nodes[n % 2 === 0 ? 0 : 1].way.cut(n % 3 === 0 ? "fin" : "rst");
    }
    await areUp(scene.nodes);
    await writers.more(100);
    await writers.stop();
    await verify(scene.nodes, writers);
  });

  test("begins another life when Redis was emptied, and tells every node, idle ones as well", async () => {
    await using redis = await RedisNodes.start();
    await using scene = await redis.openPair({});
    const [one, other] = scene.nodes;
    await listenOnAll(scene.nodes);
    await publishMany(one, "hall", 30, "a");
    await eventually("the first ones", () => other.announced.length === 30);
    const epoch = one.announced[0]?.epoch;
    await redis.server.flush();
    const isTold = () => scene.nodes.every(({ moves }) => moves.length === rooms.length);
    await eventually("both are told", isTold);
    await areUp(scene.nodes);
    const next = await publish(other, "hall", "b");
    expect(next).toMatchObject({ offset: 1, duplicate: false });
    expect(next.epoch).not.toBe(epoch ?? "");
    for (const node of scene.nodes) {
      await eventually("the next", () => node.announced.length === 31);
      const to = { epoch: next.epoch, offset: 0 };
      expect(node.moves.toSorted((a, b) => (a.room < b.room ? -1 : 1))).toEqual([
        { room: "hall", to },
        { room: "yard", to },
      ]);
      expect(node.announced.at(-1)).toMatchObject({ epoch: next.epoch, offset: 1, id: "b" });
    }
  });

  test("begins another life when Redis came back without what was announced", async () => {
    await using redis = await RedisNodes.start();
    await using scene = await redis.openPair({});
    const [one, other] = scene.nodes;
    await listenOnAll(scene.nodes);
    await publishMany(one, "hall", 20, "a");
    await redis.server.send("SAVE");
    await publishMany(one, "hall", 10, "b");
    await eventually("all of them", () => other.announced.length === 30);
    const epoch = one.announced[0]?.epoch ?? "";
    await redis.server.kill();
    await areDown(scene.nodes);
    await redis.server.restart();
    await areUp(scene.nodes);
    const next = await publish(other, "hall", "c");
    expect(next).toMatchObject({ offset: 21, duplicate: false });
    expect(next.epoch).not.toBe(epoch);
    for (const node of scene.nodes) {
      await eventually("the next", () => node.announced.length === 31);
      const move = node.moves.find(({ room }) => room === "hall");
      expect(move?.to).toEqual({ epoch: next.epoch, offset: 20 });
      expect(node.offsets("hall")).toEqual([...range(1, 30), 21]);
    }
    const kept = await one.broker.read("hall", 0, plenty, plenty);
    expect(kept.map(({ offset }) => offset)).toEqual(range(1, 21));
    expect(new Set(kept.map((message) => message.epoch))).toEqual(new Set([next.epoch]));
  });

  for (const [what, learn] of [
    ["published", (node: RedisNode) => publish(node, "hall", "lost")],
    ["read", (node: RedisNode) => node.broker.read("hall", 0, 100, 1_000)],
    ["counted", (node: RedisNode) => node.broker.head("hall")],
    ["been announced", (node: RedisNode) => eventually("it", () => node.announced.length === 1)],
  ] as const) {
    test(`begins another life when a node had ${what} what Redis came back without`, async () => {
      await using redis = await RedisNodes.start();
      const options = { prefix: redis.createPrefix() };
      const [writer, node] = [await redis.open(options), await redis.open(options)];
      const { epoch } = await publish(writer, "hall", "kept");
      await redis.server.send("SAVE");
      if (what === "been announced") await node.broker.listen("hall");
      if (what !== "published") await publish(writer, "hall", "lost");
      await learn(node);
      await writer.close();
      await redis.server.kill();
      await areDown([node]);
      await redis.server.restart();
      await areUp([node]);
      const next = await publish(node, "hall", "next");
      expect([next.offset, next.epoch === epoch]).toEqual([2, false]);
    });
  }

  test("begins another life each time that Redis came back from the same old file", async () => {
    await using redis = await RedisNodes.start();
    const node = await redis.open({ prefix: redis.createPrefix() });
    const epochs = new Set([(await publish(node, "hall", "kept")).epoch]);
    await redis.server.send("SAVE");
    for (const n of range(1, 3)) {
      await publish(node, "hall", `lost-${n}`);
      await redis.server.kill();
      await areDown([node]);
      await redis.server.restart();
      await areUp([node]);
      const next = await publish(node, "hall", `next-${n}`);
      expect([next.offset, epochs.has(next.epoch)]).toEqual([2, false]);
      epochs.add(next.epoch);
    }
  });

  test("goes on after a loss with what was stored since, wherever a node had been", async () => {
    await using redis = await RedisNodes.start();
    const options = { prefix: redis.createPrefix() };
    const create = () => redis.open(options);
    const nodes = [await create(), await create(), await create()] as const;
    const [one, early, late] = nodes;
    await listenOnAll(nodes);
    await publishMany(one, "hall", 10, "a");
    await eventually("ten", () => early.announced.length === 10);
    await early.part();
    await publishMany(one, "hall", 10, "b");
    await redis.server.send("SAVE");
    await publishMany(one, "hall", 10, "c");
    await eventually("thirty", () => late.announced.length === 30);
    await late.part();
    await redis.server.kill();
    await areDown([one]);
    await redis.server.restart();
    await areUp([one]);
    const [{ epoch = "" } = {}] = await publishMany(one, "hall", 5, "d");
    await Promise.all([early.join(), late.join()]);
    for (const [node, before, to] of [
      [one, 30, 20],
      [early, 10, 10],
      [late, 30, 20],
    ] as const) {
      expect(node.offsets("hall")).toEqual([...range(1, before), ...range(to + 1, 25)]);
      expect(node.moves.find(({ room }) => room === "hall")?.to).toEqual({ epoch, offset: to });
      const since = node.announced.slice(before).map((message) => message.epoch);
      expect(new Set(since)).toEqual(new Set([epoch]));
    }
  });

  test("goes on after a loss with what others stored before it was found out", async () => {
    await using redis = await RedisNodes.start();
    await using scene = await redis.openPair({});
    const [one, late] = scene.nodes;
    await late.broker.listen("hall");
    await publishMany(one, "hall", 10, "a");
    await redis.server.send("SAVE");
    await publishMany(late, "hall", 3, "b");
    await late.part();
    await redis.server.kill();
    await areDown([one]);
    await redis.server.restart();
    await areUp([one]);
    // This node has heard of nothing that is lost: it goes on in the same life.
    await publishMany(one, "hall", 5, "c");
    await late.join();
    expect(late.moves.map(({ to }) => to.offset)).toEqual([10]);
    expect(late.offsets("hall")).toEqual([...range(1, 13), ...range(11, 15)]);
    const ids = late.announced.slice(13).map(({ id }) => id);
    expect(ids).toEqual((await late.broker.read("hall", 10, plenty, plenty)).map(({ id }) => id));
  });

  test("goes on after several lives with what was stored in all of them", async () => {
    await using redis = await RedisNodes.start();
    await using scene = await redis.openPair({});
    const [one, late] = scene.nodes;
    const loseSome = async (name: string) => {
      await redis.server.send("SAVE");
      await publishMany(one, "hall", 5, name);
    };
    const comeBack = async () => {
      await redis.server.kill();
      await areDown([one]);
      await redis.server.restart();
      await areUp([one]);
    };
    await listenOnAll(scene.nodes);
    await publishMany(one, "hall", 10, "a");
    await loseSome("b");
    await eventually("fifteen", () => late.announced.length === 15);
    await late.part();
    await comeBack();
    await publishMany(one, "hall", 3, "c");
    await loseSome("d");
    await comeBack();
    await publishMany(one, "hall", 1, "e");
    await late.join();
    expect(late.moves.map(({ room, to }) => [room, to.offset])).toContainEqual(["hall", 10]);
    expect(late.offsets("hall")).toEqual([...range(1, 15), ...range(11, 14)]);
    const epochs = new Set(late.announced.slice(15).map(({ epoch }) => epoch));
    expect([...epochs]).toEqual([(await one.broker.head("hall")).epoch]);
  });

  test("takes nothing more when Redis has no memory left, and goes on when there is room", async () => {
    await using redis = await RedisNodes.start({ maxmemory: "4mb" });
    await using scene = await redis.openPair({ silenceMsMax: 1_500 });
    const [one, other] = scene.nodes;
    await listenOnAll(scene.nodes);
    const body = json("x".repeat(100_000));
    const from = { id: "alice", name: "Alice" };
    let stored = 0;
    const failure = await (async () => {
      for (let n = 1; n < 1_000; n += 1) {
        const draft = { room: `large-${n}`, id: `${n}`, from, at: 0, body };
        const code = await codeOf(one.broker.publish(draft));
        if (code !== "no error") return code;
        stored += 1;
      }
    })();
    expect(failure).toBe("unavailable");
    expect(one.broker.health()).toContain("memory");
    expect((await other.broker.rooms("", 1_000)).length).toBe(stored);
    expect(await other.broker.read("large-1", 0, 1, 1)).toHaveLength(1);
    for (const n of range(1, stored)) await other.broker.forget(`large-${n}`);
    await eventually("the node has healed", () => one.broker.health() === null);
    expect(await publish(one, "hall", "1")).toMatchObject({ offset: 1, duplicate: false });
    await eventually("the next", () => other.offsets("hall").length === 1);
  });

  test("acknowledges only what enough replicas have, where it is told to", async () => {
    await using redis = await RedisNodes.start();
    await using scene = await redis.openPair({ replicas: 1 });
    const [one, other] = scene.nodes;
    await listenOnAll(scene.nodes);
    expect(await codeOf(publish(one, "hall", "1"))).toBe("unavailable");
    expect(one.offsets("hall")).toEqual([1]);
    expect(one.broker.health()).toContain("redis-replicas");
    expect(await codeOf(publish(one, "hall", "2"))).toBe("unavailable");
    await using replica = await redis.startReplica();
    await eventually("the node has healed", () => one.broker.health() === null);
    expect(await publish(one, "hall", "1")).toMatchObject({ offset: 1, duplicate: true });
    const published = await publishMany(other, "hall", 300, "a");
    expect(published.map(({ offset }) => offset)).toEqual(range(2, 301));
    expect(Number(await replica.send("HGET", `${scene.prefix}:heads`, "hall"))).toBe(301);
  });
});
