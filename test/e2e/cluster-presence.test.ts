/** Who is in a room, seen from every node that shares it. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Client, Frame } from "../support/client.ts";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { EventReader } from "../support/event-reader.ts";
import { eventually } from "../support/poll.ts";
import { RedisServer } from "../support/redis-server.ts";
import { TestServer } from "../support/server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { connectAs, createToken, withTokens } from "../support/tokens.ts";

const isPossible = findSystemProgram("redis") !== null;

setDefaultTimeout(60_000);

/** Connects a user with a token and joins. */
async function join(url: string, user: string, room = "hall"): Promise<[Client, Frame]> {
  const client = await connectAs(`${url.replace("http", "ws")}/ws`, await tokenOf(user));
  return [client, await client.join(room)];
}

function idsOf(people: readonly { readonly id: string }[]): string {
  return people
    .map(({ id }) => id)
    .sort()
    .join();
}

/** Everybody of whom a client was told that they left. */
function left(client: Client): string {
  return idsOf(client.all("presence").flatMap((frame) => frame.left));
}

/** Waits until a client sees these members. */
async function sees(client: Client, members: string, room = "hall"): Promise<void> {
  await eventually(`${members} in ${room}`, async () => {
    const answer = await client.ask({ type: "members", room });
    return idsOf(answer.members) === members;
  });
}

/** Two servers over one Redis. */
class Pair implements AsyncDisposable {
  readonly #redis: RedisServer;
  readonly one: TestServer;
  readonly two: TestServer;

  private constructor(redis: RedisServer, one: TestServer, two: TestServer) {
    this.#redis = redis;
    this.one = one;
    this.two = two;
  }

  static async start(drainWindowMs = 1_000): Promise<Pair> {
    const redis = await RedisServer.start();
    const overrides = { ...withTokens, redis: redis.url, drainWindowMs } as const;
    return new Pair(redis, await TestServer.start(overrides), await TestServer.start(overrides));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.one, this.two]) await server[Symbol.asyncDispose]();
    await this.#redis[Symbol.asyncDispose]();
  }
}

describe.if(isPossible)("two servers with one Redis", () => {
  test.concurrent("list the members of both, and tell who comes and goes on the other", async () => {
    await using pair = await Pair.start();
    const { one, two } = pair;
    const [ada] = await join(one.url, "ada");
    await join(one.url, "ada"); // another tab
    const came = await ada.next("presence", ({ joined }) => joined.length > 0);
    expect([idsOf(came.joined), came.left]).toEqual(["ada", []]);
    const headers = await bearer("eve");
    await eventually("both tabs", async () => {
      const { members } = await two.json("/rooms/hall/members", { headers });
      return members[0]?.connections === 2;
    });
    const [bob, joined] = await join(two.url, "bob");
    expect(joined.members).toMatchObject([{ id: "ada", connections: 2 }, { id: "bob" }]);
    expect(joined.memberCount).toBe(2);
    await ada.next("presence", (frame) => idsOf(frame.joined) === "bob");
    const [tab] = await join(two.url, "ada"); // a third tab, on the other node
    await sees(ada, "ada,bob");
    tab.close();
    bob.send({ type: "leave", room: "hall" });
    const gone = await ada.next("presence", (frame) => frame.left.length > 0);
    expect([idsOf(gone.left), gone.joined]).toEqual(["bob", []]);
    expect(left(ada)).toBe("bob");
  });

  test.concurrent("tell of rooms that nobody is in here, and count who only reads", async () => {
    await using pair = await Pair.start();
    const { one, two } = pair;
    const [ada] = await join(one.url, "ada", "attic");
    const headers = await bearer("eve");
    const token = await tokenOf("eve");
    const reader = new EventReader(`${one.url}/rooms/attic/events?access_token=${token}`);
    const look = (path: string) => two.json(path, { headers });
    await eventually("the observer", async () => (await look("/rooms/attic")).observers === 1);
    expect(await look("/rooms/attic")).toMatchObject({ members: 1, observers: 1 });
    expect(await look("/rooms?after=a")).toMatchObject({ rooms: [{ room: "attic", members: 1 }] });
    const listed = await look("/rooms/attic/members");
    expect(listed).toMatchObject({ members: [{ id: "ada", connections: 1 }], observers: 1 });
    const [eve] = await join(two.url, "eve", "hall");
    expect(await eve.ask({ type: "members", room: "attic" })).toMatchObject(listed);
    const [, joined] = await join(two.url, "bob", "attic");
    expect(joined.observers).toBe(1);
    const came = await ada.next("presence", (frame) => idsOf(frame.joined).includes("bob"));
    expect(came.observers).toBe(1);
    reader[Symbol.dispose]();
    await eventually("no observer", async () => (await look("/rooms/attic")).observers === 0);
  });

  test.concurrent("tell signals to those on the other node too, also over HTTP from where nobody is", async () => {
    await using pair = await Pair.start();
    const { one, two } = pair;
    const [ada] = await join(one.url, "ada");
    const [bob] = await join(one.url, "bob");
    const posted = await two.fetch("/rooms/hall/signals", {
      method: "POST",
      headers: { ...(await bearer("eve")), "content-type": "application/json" },
      body: JSON.stringify({ content: "from afar" }),
    });
    expect(posted.status).toBe(204);
    expect(await ada.next("signal")).toMatchObject({ content: "from afar", from: { id: "eve" } });
    const [carl] = await join(two.url, "carl");
    carl.send({ type: "signal", room: "hall", content: { typing: true } });
    for (const client of [ada, bob]) {
      const heard = await client.next("signal", ({ from }) => from.id === "carl");
      expect(heard).toMatchObject({ room: "hall", content: { typing: true } });
    }
    expect(carl.all("signal")).toEqual([]);
  });

  test.concurrent("keep the rooms of the server itself apart", async () => {
    await using pair = await Pair.start();
    const { one, two } = pair;
    const [ada] = await join(one.url, "ada", "$clock");
    const [, joined] = await join(two.url, "bob", "$clock");
    expect(idsOf(joined.members)).toBe("bob");
    await sees(ada, "ada", "$clock");
  });

  test.concurrent("tell of nobody that they left when one is restarted and its members go to the other", async () => {
    await using pair = await Pair.start();
    const { one, two } = pair;
    const [watcher] = await join(two.url, "watcher");
    const users = Array.from(
      { length: 12 },
      (_, index) => `user-${String(index).padStart(2, "0")}`,
    );
    const guests = await Promise.all(users.map((user) => join(one.url, user)));
    const all = [...users, "watcher"].join();
    await sees(watcher, all);
    const coming = guests.map(async ([client], index) => {
      const draining: Frame & { reconnectAfterMs?: number } = await client.next("draining");
      await Bun.sleep(draining.reconnectAfterMs ?? 0);
      return join(two.url, users[index] ?? "");
    });
    await one.stop();
    const back = await Promise.all(coming);
    await one.start();
    // One goes back, and nobody notices either.
    back[0]?.[0].socket.close(4_000);
    await join(one.url, "user-00");
    await sees(watcher, all);
    await Bun.sleep(7_000); // until the lease of the good-bye is long over
    await sees(watcher, all);
    expect(left(watcher)).toBe("");
  });

  test.concurrent("tell at once that somebody left who had come back after a restart", async () => {
    // Whoever does not come back stays for that long, and 5 s more.
    await using pair = await Pair.start(30_000);
    const { one, two } = pair;
    const [watcher] = await join(two.url, "watcher");
    const tabs = ["ada", "ada", "bob", "carl"];
    const guests = await Promise.all(tabs.map((user) => join(one.url, user)));
    await sees(watcher, "ada,bob,carl,watcher");
    const coming = guests.map(async ([client], index) => {
      const draining: Frame & { reconnectAfterMs?: number } = await client.next("draining");
      await Bun.sleep(draining.reconnectAfterMs ?? 0);
      const user = tabs[index] ?? "";
      return user === "carl" ? null : (await join(two.url, user))[0];
    });
    await one.stop();
    const [ada, tab, bob] = await Promise.all(coming);
    await one.start();
    const [afar, joined] = await join(one.url, "afar");
    expect(idsOf(joined.members)).toBe("ada,afar,bob,carl,watcher");
    tab?.send({ type: "leave", room: "hall" });
    bob?.send({ type: "leave", room: "hall" });
    for (const client of [watcher, afar]) await sees(client, "ada,afar,carl,watcher");
    ada?.send({ type: "leave", room: "hall" });
    for (const client of [watcher, afar]) await sees(client, "afar,carl,watcher");
    for (const client of [watcher, afar]) {
      await eventually("it was told", () => left(client) === "ada,bob");
    }
  });
});

describe.if(isPossible)("a node that is killed", () => {
  test.concurrent("takes those with it who do not come back, and nobody else", async () => {
    // A third of it is longer than most stalls: after one that is longer the others wait for a lease.
    const leaseMs = 4_000;
    await using cluster = await Cluster.start({ flags: ["--redis-lease", `${leaseMs}ms`] });
    const [first, second, third] = cluster.nodes.map(({ url }) => url) as [string, string, string];
    const [watcher] = await join(third, "watcher");
    const people = ["ada", "bob", "carl", "dora"];
    for (const user of people) await join(first, user);
    await sees(watcher, "ada,bob,carl,dora,watcher");
    await Bun.sleep(leaseMs); // so that all have been calm for a lease
    await (cluster.node(0) as ClusterNode).kill();
    const killedAt = performance.now();
    await join(second, "ada");
    await join(third, "bob");
    await eventually("the others are gone", () => left(watcher) === "carl,dora");
    expect(performance.now() - killedAt).toBeLessThan(2 * leaseMs);
    await sees(watcher, "ada,bob,watcher");
    await cluster.node(0).start();
    const [, joined] = await join(first, "eve");
    expect(idsOf(joined.members)).toBe("ada,bob,eve,watcher");
  });
});

/** Of a user who may do everything but administrate, and read the server's own rooms. */
function tokenOf(user: string): Promise<string> {
  const rooms = { "*": ["read", "write", "presence"], $clock: ["read", "presence"] };
  return createToken({ sub: user, name: user, rooms });
}

async function bearer(user: string): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await tokenOf(user)}` };
}
