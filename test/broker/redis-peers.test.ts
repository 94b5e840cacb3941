import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { askCrowds } from "../../src/broker/redis-crowds.ts";
import { evictScript, leaseScript, tellScript } from "../../src/broker/redis-peer-scripts.ts";
import { limits } from "../../src/protocol/limits.ts";
import { PeerNode, type PeerNodeOptions } from "../support/peer-node.ts";
import { eventually } from "../support/poll.ts";
import { RedisServer } from "../support/redis-server.ts";
import { findSystemProgram } from "../support/system-program.ts";

const ada = { id: "ada", name: "Ada" };
const bob = { id: "bob", name: "Bob" };
const guest = { id: "~guest", name: "anonymous" };

setDefaultTimeout(60_000);

const isPossible = findSystemProgram("redis") !== null;

/** One Redis and nodes that share it. */
class Scene implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly #nodes: PeerNode[] = [];

  private constructor(redis: RedisServer) {
    this.redis = redis;
  }

  static async start(): Promise<Scene> {
    return new Scene(await RedisServer.start());
  }

  async node(options: PeerNodeOptions = {}): Promise<PeerNode> {
    const node = await PeerNode.start(this.redis.port, options);
    this.#nodes.push(node);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures = this.#nodes.flatMap((node) => node.failures);
    await Promise.all(this.#nodes.map((node) => node.close()));
    await this.redis[Symbol.asyncDispose]();
    expect(failures).toEqual([]);
  }
}

function sees(node: PeerNode, members: string, room = "hall"): Promise<true> {
  return eventually(
    `${members} in ${room}, not ${node.members(room)}`,
    () => node.members(room) === members,
  );
}

describe.if(isPossible)("nodes that share a Redis", () => {
  test.concurrent("see who is on the others, once each, and with all connections", async () => {
    await using scene = await Scene.start();
    const [one, two, three] = [await scene.node(), await scene.node(), await scene.node()];
    const here = await one.open("hall");
    here.add(ada);
    here.add(ada);
    const there = await two.open("hall");
    await sees(two, "ada");
    there.add(ada);
    there.add(bob);
    await sees(one, "ada,bob");
    const late = await three.open("hall");
    await eventually("three connections", () => late.list()[0]?.connections === 3);
    expect(late.list().map(({ id }) => id)).toEqual(["ada", "bob"]); // oldest first
    expect(late.list()[0]?.joinedAt).toBe(here.list()[0]?.joinedAt ?? 0);
    here.remove("ada");
    here.remove("ada");
    await eventually("one connection", () => late.list()[0]?.connections === 1);
    there.remove("ada");
    await sees(one, "bob");
    await sees(three, "bob");
    expect(await scene.redis.send("KEYS", "p:members:*")).toHaveLength(1);
  });

  test.concurrent("show the same name when a user takes two at once", async () => {
    await using scene = await Scene.start();
    const options = { leaseMs: 5_000 };
    const [one, two] = [await scene.node(options), await scene.node(options)];
    const rooms = [await one.open("hall"), await two.open("hall")];
    for (const room of rooms) room.add(ada);
    await eventually("both tabs", () => rooms.every((room) => room.list()[0]?.connections === 2));
    for (const round of ["1", "2", "3", "4"]) {
      const late = await (await scene.node(options)).open("hall");
      for (const [index, room] of rooms.entries()) {
        room.rename({ id: "ada", name: `${["Ada", "Adele"][index]} ${round}` });
      }
      const isOne = (names: readonly (string | undefined)[]) =>
        names.every((name) => name === names[0] && name?.endsWith(round));
      await eventually("one name in Redis", async () => {
        const { shares } = await one.peers.crowd("hall");
        return isOne(shares.map(({ name }) => name));
      });
      const all = [...rooms, late];
      await eventually("one name", () => isOne(all.map((room) => room.list()[0]?.name)));
    }
  });

  test.concurrent("know who is there before a room is open", async () => {
    await using scene = await Scene.start();
    const [one, two] = [await scene.node(), await scene.node()];
    const here = await one.open("hall");
    for (let index = 0; index < 1_200; index += 1) here.add({ id: `u${index}`, name: "x" });
    await eventually("all are told", async () => {
      const [headcount] = await two.peers.headcounts(["hall"]);
      return headcount?.members === 1_200;
    });
    expect((await two.open("hall")).count).toBe(1_200);
  });

  test.concurrent("count who reads without being a member, and tell signals", async () => {
    await using scene = await Scene.start();
    const [one, two] = [await scene.node(), await scene.node()];
    await one.open("hall");
    const there = await two.open("hall");
    one.peers.observers("hall", 3);
    await eventually("three observers", () => there.observersElsewhere === 3);
    one.peers.signal("hall", ada, { kind: "json", json: '{"typing":"\\n"}' });
    one.peers.signal("hall", bob, { kind: "bytes", bytes: new Uint8Array([0, 255, 10]) });
    await eventually("both signals", () => two.signals.length === 2);
    expect(two.signals).toEqual([
      ["hall", ada, { kind: "json", json: '{"typing":"\\n"}' }],
      ["hall", bob, { kind: "bytes", bytes: new Uint8Array([0, 255, 10]) }],
    ]);
    expect(one.signals).toEqual([]);
    one.peers.observers("hall", 0);
    await eventually("no observers", () => there.observersElsewhere === 0);
  });

  test.concurrent("answer for rooms that they do not listen to", async () => {
    await using scene = await Scene.start();
    const [one, two, three] = [await scene.node(), await scene.node(), await scene.node()];
    (await one.open("b")).add(ada);
    (await one.open("a")).add(ada);
    const there = await two.open("b");
    there.add(ada);
    there.add(bob);
    one.peers.observers("b", 2);
    const counts = () => three.peers.headcounts(["a", "b", "c"]);
    const expected = [
      { members: 1, observers: 0 },
      { members: 2, observers: 2 },
      { members: 0, observers: 0 },
    ];
    await eventually("all are counted", async () => Bun.deepEquals(await counts(), expected));
    expect(await three.peers.rooms("", 10)).toEqual(["a", "b"]);
    expect(await three.peers.rooms("a", 10)).toEqual(["b"]);
    const { shares, observers } = await three.peers.crowd("b");
    expect(shares.map(({ id }) => id).sort()).toEqual(["ada", "ada", "bob"]);
    expect(observers).toBe(2);
    one.leave("a");
    await eventually(
      "nobody is in a",
      async () => (await three.peers.rooms("", 10)).join() === "b",
    );
  });

  test.concurrent("leave nothing in Redis behind when all is left", async () => {
    await using scene = await Scene.start();
    const [one, two] = [await scene.node(), await scene.node()];
    for (const node of [one, two]) {
      for (const room of ["a", "b"]) (await node.open(room)).add(ada);
    }
    await eventually("both are there", async () => {
      const [, headcount] = await one.peers.headcounts(["a", "b"]);
      return headcount?.members === 1;
    });
    for (const node of [one, two]) for (const room of ["a", "b"]) node.leave(room);
    await eventually("only the leases are left", async () => {
      const keys = (await scene.redis.send("KEYS", "p:*")) as string[];
      return keys.every((key) => ["p:nodes", "p:calls", "p:heads"].includes(key));
    });
  });
});

describe.if(isPossible)("what is asked of Redis", () => {
  test.concurrent("does nothing where it comes later than what came after it", async () => {
    await using scene = await Scene.start();
    const [one, two] = [await scene.node(), await scene.node()];
    (await one.open("hall")).add(ada);
    await two.open("hall");
    await sees(two, "ada");
    const { node, prefix } = one.link;
    const lease = () => scene.redis.send("ZSCORE", "p:nodes", node);
    const text = `${node} 1 {"shares":[["ghost","Ghost",5,1]]}`;
    const ghost = ["hall", "1", "0", text, "0", "1", '"ghost"', '["Ghost",5,1]'];
    expect(await one.link.evaluate(tellScript, [], [prefix, node, "1", ...ghost])).toBe(0);
    await one.link.evaluate(leaseScript, [], [prefix, node, "9000", "1", "begin"]);
    await one.link.evaluate(evictScript, [], [prefix, node, "9", "clear", "1"]);
    const { shares } = await two.peers.crowd("hall");
    expect(shares.map(({ id }) => id)).toEqual(["ada"]);
    expect(Number(await lease())).toBeGreaterThan(0);
  });

  test.concurrent("is not asked again before a node that tells everything anew has told it", async () => {
    await using scene = await Scene.start();
    const options = { leaseMs: 3_000 }; // longer than any stall, after which it is asked again
    const [one, two] = [await scene.node(options), await scene.node(options)];
    const here = await one.open("hall");
    here.add(ada);
    const there = await two.open("hall");
    await sees(two, "ada");
    const lists = async () => {
      const counts = String(await scene.redis.send("INFO", "commandstats"));
      return Number(/cmdstat_hgetall:calls=(\d+)/.exec(counts)?.[1]);
    };
    const turn = async (sign: string) => {
      const endsAt = Number(await scene.redis.send("ZSCORE", "p:nodes", one.link.node));
      await scene.redis.send("ZADD", "p:nodes", `${sign}${Math.abs(endsAt)}`, one.link.node);
    };
    await turn("-");
    await two.part();
    here.add(bob);
    here.remove("ada");
    await sees(one, "bob");
    await two.join();
    await sees(two, "ada,bob");
    const before = await lists();
    await Bun.sleep(3_200); // several renewals
    expect([await lists(), there.count]).toEqual([before, 2]);
    await turn("+");
    await sees(two, "bob");
  });

  test.concurrent("comes in pieces where rooms are full, and comes all the same", async () => {
    await using scene = await Scene.start();
    const [one, two] = [await scene.node(), await scene.node()];
    const rooms = ["a", "b", "c", "d"];
    for (const room of rooms) {
      const here = await one.open(room);
      for (let index = 0; index < 2_000; index += 1) here.add({ id: `u${index}`, name: "x" });
    }
    await eventually("all are told", async () => {
      const counts = await two.peers.headcounts(rooms);
      return counts.every(({ members }) => members === 2_000);
    });
    expect((await askCrowds(two.link, rooms)).crowds).toHaveLength(2);
    const open = await Promise.all(rooms.map((room) => two.open(room)));
    expect(open.map(({ count }) => count)).toEqual([2_000, 2_000, 2_000, 2_000]);
  });

  test.concurrent("keeps nobody waiting once a node has said good-bye", async () => {
    await using scene = await Scene.start();
    const one = await scene.node();
    await one.peers.close();
    expect((await one.open("hall")).count).toBe(0);
  });
});

describe.if(isPossible)("a node that dies", () => {
  test.concurrent("takes its members with it within two leases, and those who came elsewhere stay", async () => {
    await using scene = await Scene.start();
    // A third of it is longer than most stalls: after one that is longer the others wait for a lease.
    const options = { leaseMs: 3_600 };
    const [one, two] = [await scene.node(options), await scene.node(options)];
    const three = await scene.node(options);
    const here = await one.open("hall");
    here.add(ada);
    here.add(bob);
    const there = await two.open("hall");
    await three.open("hall");
    await sees(three, "ada,bob");
    await Bun.sleep(options.leaseMs); // so that all have been calm for a lease
    await one.die();
    const diedAt = performance.now();
    there.add(ada);
    await sees(three, "ada");
    await sees(two, "ada");
    expect(performance.now() - diedAt).toBeLessThan(2 * options.leaseMs);
    await Bun.sleep(limits.presenceGatherMs);
    expect([two.left("hall"), three.left("hall")]).toEqual([["bob"], ["bob"]]);
    expect(await scene.redis.send("ZCARD", "p:nodes")).toBe(2);
  });

  test.concurrent("is forgotten too when Redis was emptied at the same time", async () => {
    await using scene = await Scene.start();
    const [one, two] = [await scene.node(), await scene.node()];
    (await one.open("hall")).add(ada);
    (await two.open("hall")).add(bob);
    await sees(two, "ada,bob");
    await one.die();
    await scene.redis.flush();
    await sees(two, "bob");
  });
});

describe.if(isPossible)("a node that says good-bye", () => {
  test.concurrent("leaves its members for the time in which they may come back, but the nameless", async () => {
    await using scene = await Scene.start();
    const [one, two] = [await scene.node({ goodbyeMs: 3_000 }), await scene.node()];
    const here = await one.open("hall");
    for (const user of [ada, bob, guest]) here.add(user);
    const there = await two.open("hall");
    await sees(two, "ada,bob,~guest");
    await Bun.sleep(700);
    const leftAt = performance.now();
    await one.close();
    await sees(two, "ada,bob");
    there.add(ada);
    await sees(two, "ada");
    expect(performance.now() - leftAt).toBeGreaterThan(2_500);
    await Bun.sleep(limits.presenceGatherMs);
    expect(two.left("hall")).toEqual(["~guest", "bob"]);
  });

  test.concurrent("lets go of whoever has come back elsewhere, who then leaves at once", async () => {
    await using scene = await Scene.start();
    const options = { leaseMs: 5_000, goodbyeMs: 25_000 };
    const [one, two] = [await scene.node(options), await scene.node(options)];
    const three = await scene.node(options);
    const odd = { id: '"\ud800,1]', name: '",7]' };
    const here = await one.open("hall");
    for (const user of [ada, bob, odd]) here.add(user);
    const there = await two.open("hall");
    there.add(bob); // another tab, which does not come back: it never left
    const afar = await three.open("hall");
    (await one.open("yard")).add(ada);
    await eventually("all with all tabs", () => {
      const tabs = afar.list().reduce((sum, { connections }) => sum + connections, 0);
      return tabs === 4;
    });
    await one.close();
    for (const user of [ada, odd]) there.add(user);
    there.add(ada); // and her second tab
    there.rename({ id: "bob", name: "Robert" });
    await eventually("they are let go", async () => {
      const { shares } = await three.peers.crowd("hall");
      return shares.length === 4; // bob twice
    });
    there.remove("ada");
    await Bun.sleep(limits.presenceGatherMs + 200);
    expect(three.left("hall")).toEqual([]);
    for (const { id } of [ada, odd, bob]) there.remove(id);
    await sees(three, "bob");
    await sees(two, "bob");
    await Bun.sleep(limits.presenceGatherMs);
    for (const node of [two, three]) expect(node.left("hall").sort()).toEqual([odd.id, "ada"]);
    expect(await three.peers.headcounts(["hall", "yard"])).toMatchObject([
      { members: 1 },
      { members: 1 }, // nobody has come back to that room
    ]);
  });

  test.concurrent("leaves no trace of a room once all have come back", async () => {
    await using scene = await Scene.start();
    const options = { leaseMs: 3_000, goodbyeMs: 10_000 };
    const [one, two] = [await scene.node(options), await scene.node(options)];
    const here = await one.open("hall");
    for (const user of [ada, bob]) here.add(user);
    const there = await two.open("hall");
    await sees(two, "ada,bob");
    await one.close();
    for (const user of [ada, bob]) there.add(user);
    await eventually("let go", async () => {
      const keys = await scene.redis.send("KEYS", `p:*:${one.link.node}*`);
      return (keys as string[]).length === 0;
    });
    expect(await scene.redis.send("SMEMBERS", "p:nodes-in:hall")).toEqual([two.link.node]);
    expect(await scene.redis.send("SMEMBERS", "p:leaving")).toEqual([one.link.node]);
    const isForgotten = async () => (await scene.redis.send("EXISTS", "p:leaving")) === 0;
    await eventually("it is forgotten", isForgotten);
    expect([two.members("hall"), two.left("hall")]).toEqual(["ada,bob", []]);
  });
});

describe.if(isPossible)("when Redis is away", () => {
  // Longer than the two seconds after which a link tries again: a node waits so long for the others.
  const leaseMs = 3_000;
  const scenes: Readonly<Record<string, (redis: RedisServer) => Promise<void>>> = {
    "it is restarted, and has kept nothing": (redis) => redis.restart(),
    "it is emptied": (redis) => redis.flush(),
    "it hangs for longer than a lease": async (redis) => {
      redis.pause();
      await Bun.sleep(leaseMs + 300);
      redis.resume();
    },
    "it is gone for longer than a lease": async (redis) => {
      await redis.kill();
      await Bun.sleep(leaseMs + 300);
      await redis.restart();
    },
  };
  for (const [name, act] of Object.entries(scenes)) {
    test.concurrent(`nobody flickers: ${name}`, async () => {
      await using scene = await Scene.start();
      const options = { leaseMs, silenceMsMax: 2_000 };
      const [one, two] = [await scene.node(options), await scene.node(options)];
      const here = await one.open("hall");
      const there = await two.open("hall");
      here.add(ada);
      there.add(bob);
      await sees(one, "ada,bob");
      await sees(two, "ada,bob");
      await act(scene.redis);
      here.add({ id: "carl", name: "Carl" });
      there.add({ id: "dora", name: "Dora" });
      await sees(one, "ada,bob,carl,dora");
      await sees(two, "ada,bob,carl,dora");
      await Bun.sleep(2 * leaseMs);
      expect([one.left("hall"), two.left("hall")]).toEqual([[], []]);
      const expected = [{ members: 4, observers: 0 }];
      await eventually("all four are counted", async () => {
        const counts = await two.peers.headcounts(["hall"]).catch(() => null); // down just now
        return Bun.deepEquals(counts, expected);
      });
    });
  }

  test.concurrent("a room can be listened to, and is known once Redis is back", async () => {
    await using scene = await Scene.start();
    const [one, two] = [await scene.node(), await scene.node()];
    (await one.open("hall")).add(ada);
    await two.part();
    expect((await two.open("hall")).count).toBe(0);
    await two.join();
    await sees(two, "ada");
  });

  test.concurrent("who left meanwhile leaves after it, and who moved does not", async () => {
    await using scene = await Scene.start();
    const options = { leaseMs: 3_000, graceMs: 4_000 };
    const [one, two] = [await scene.node(options), await scene.node(options)];
    const three = await scene.node();
    const here = await one.open("hall");
    for (const user of [ada, bob]) here.add(user);
    const there = await two.open("hall");
    await three.open("hall");
    await sees(three, "ada,bob");
    await Promise.all([one.part(), two.part()]);
    here.remove("ada");
    here.remove("bob");
    there.add(bob);
    await one.join();
    await Bun.sleep(400); // the other needs longer
    await two.join();
    await sees(three, "bob");
    await sees(one, "bob");
    await Bun.sleep(limits.presenceGatherMs);
    expect([three.left("hall"), one.left("hall")]).toEqual([["ada"], ["ada"]]);
  });

  test.concurrent("who leaves is gone within two leases, however long it is away", async () => {
    await using scene = await Scene.start();
    const one = await scene.node({ leaseMs: 2_000 });
    const here = await one.open("hall");
    here.add(ada);
    await one.part();
    const leftAt = performance.now();
    here.remove("ada");
    expect(one.members("hall")).toBe("ada");
    await sees(one, "");
    expect(performance.now() - leftAt).toBeGreaterThan(1_500);
    here.add(ada);
    here.remove("ada");
    expect(one.members("hall")).toBe("");
  });

  test.concurrent("whoever enters a room just after it was emptied sees all who are there", async () => {
    await using scene = await Scene.start();
    // For as long as a lease lasts it waits for those who have to tell anew.
    const options = { leaseMs: 10_000 };
    const [one, two] = [await scene.node(options), await scene.node(options)];
    for (const room of ["hall", "yard"]) (await one.open(room)).add(ada);
    (await two.open("yard")).add(bob);
    await sees(two, "ada,bob", "yard");
    await scene.redis.flush();
    expect((await two.open("hall")).has("ada")).toBe(true);
  });

  test.concurrent("a node that comes back later than others is not taken for dead", async () => {
    await using scene = await Scene.start();
    // A link tries again after at most two seconds.
    const options = { leaseMs: 3_000 };
    const [one, two] = [await scene.node(options), await scene.node(options)];
    (await one.open("hall")).add(ada);
    (await two.open("hall")).add(bob);
    await sees(one, "ada,bob");
    await Promise.all([one.part(), two.part()]);
    await Bun.sleep(3_300); // both leases have run out
    await one.join();
    await Bun.sleep(200);
    await two.join();
    await Bun.sleep(limits.presenceGatherMs + 100);
    expect([one.members("hall"), one.left("hall")]).toEqual(["ada,bob", []]);
  });

  test.concurrent("a node that was taken for dead comes back with all who are there", async () => {
    await using scene = await Scene.start();
    const [one, two] = [await scene.node(), await scene.node()];
    const here = await one.open("hall");
    here.add(ada);
    await two.open("hall");
    await sees(two, "ada");
    await Bun.sleep(1_000);
    await one.part();
    await sees(two, "");
    await one.join();
    await sees(two, "ada");
    here.add(bob);
    await sees(two, "ada,bob");
  });
});
