/** What everybody sees of three nodes when their Redis is emptied, fails over, or has no memory left. */

import { describe, expect, test } from "bun:test";
import { parsePosition } from "../../src/protocol/position.ts";
import { Client } from "../support/client.ts";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { readLog } from "../support/cluster-load.ts";
import { EventReader } from "../support/event-reader.ts";
import { toSocketUrl } from "../support/hop.ts";
import { eventually } from "../support/poll.ts";
import { RedisServer } from "../support/redis-server.ts";
import { findSystemProgram } from "../support/system-program.ts";

const isPossible = findSystemProgram("redis") !== null;
const testMsMax = 60_000;
const room = "hall";

describe.if(isPossible)("a Redis that is emptied", () => {
  test(
    "begins a new life on all nodes, and every reader is told of the reset",
    async () => {
      await using cluster = await Cluster.start();
      const [first] = await publishMany(cluster.nodes, 3);
      const readers = await follow(cluster.nodes);
      await cluster.redis.flush();
      const gaps = await Promise.all(readers.map((reader) => reader.gap()));
      for (const { reason, from, to } of gaps) {
        expect([reason, from]).toEqual(["reset", `${epochOf(first)}:3`]);
        expect(epochOf(to)).not.toBe(epochOf(first));
        expect(offsetOf(to)).toBe(0);
      }
      expect(new Set(gaps.map(({ to }) => epochOf(to))).size).toBe(1);
      await Promise.all(cluster.nodes.map((node) => node.ready()));
      const later = await publishMany(cluster.nodes, 3);
      expect(later).toEqual([1, 2, 3].map((offset) => `${epochOf(gaps[0]?.to)}:${offset}`));
      for (const reader of readers) await reader.hear(later);
      for (const reader of readers) expect(reader.gaps.length).toBe(1);
      for (const reader of readers) reader.close();
    },
    testMsMax,
  );
});

describe.if(isPossible)("a node that was parted from Redis", () => {
  for (const how of ["refused", "dark", "held"] as const) {
    test(
      `tells its readers what they missed, and no more than that (${how})`,
      async () => {
        await using cluster = await Cluster.start();
        const readers = await follow(cluster.nodes);
        const before = await publishMany(cluster.nodes, 3);
        for (const reader of readers) await reader.hear(before);
        const [parted, ...others] = cluster.nodes;
        parted?.part(how);
        const missed = await publishMany(others, 3);
        await eventually("it says so", async () => !(await isReady(parted?.url ?? "")));
        parted?.rejoin();
        // Nothing more is published: it has to look by itself.
        for (const reader of readers) await reader.hear([...before, ...missed]);
        await parted?.ready();
        const later = await publishMany(cluster.nodes, 3);
        for (const reader of readers) {
          await reader.hear([...before, ...missed, ...later]);
          expect([reader.gaps.length, reader.isConnected]).toEqual([0, true]);
          reader.close();
        }
      },
      testMsMax,
    );
  }
});

describe.if(isPossible)("a Redis that is killed and comes back", () => {
  test(
    "has lost nothing, and all nodes go on without a word to their readers",
    async () => {
      await using cluster = await Cluster.start();
      const readers = await follow(cluster.nodes);
      const before = await publishMany(cluster.nodes, 30);
      await cluster.redis.kill();
      for (const node of cluster.nodes) {
        const answer = await publish(node, "refused");
        expect([answer.status, (await answer.json()).code]).toEqual([503, "unavailable"]);
        expect(answer.headers.get("retry-after")).not.toBeNull();
        expect([await isReady(node.url), (await fetch(`${node.url}/livez`)).ok]).toEqual([
          false,
          true,
        ]);
      }
      await cluster.redis.restart();
      await Promise.all(cluster.nodes.map((node) => node.ready()));
      const after = await publishMany(cluster.nodes, 3);
      expect(after).toEqual([31, 32, 33].map((offset) => `${epochOf(before[0])}:${offset}`));
      for (const reader of readers) {
        await reader.hear([...before, ...after]);
        expect([reader.gaps.length, reader.isConnected]).toEqual([0, true]);
        reader.close();
      }
    },
    testMsMax,
  );
});

describe.if(isPossible)("a replica that takes over", () => {
  test(
    "keeps all that was acknowledged, where replicas are waited for",
    async () => {
      await using cluster = await Cluster.start({
        hasReplica: true,
        flags: ["--redis-replicas", "1"],
      });
      const readers = await follow(cluster.nodes);
      const before = await publishMany(cluster.nodes, 20);
      await takeOver(cluster);
      await using other = await RedisServer.start({ replicaOf: replicaOf(cluster) });
      expect(other.pid).toBeGreaterThan(0);
      const after = await publishMany(cluster.nodes, 3);
      expect(after).toEqual([21, 22, 23].map((offset) => `${epochOf(before[0])}:${offset}`));
      for (const reader of readers) await reader.hear([...before, ...after]);
      for (const reader of readers) expect(reader.gaps).toEqual([]);
      for (const node of cluster.nodes)
        expect(await positions(node)).toEqual([...before, ...after]);
      for (const reader of readers) reader.close();
    },
    testMsMax,
  );

  test(
    "acknowledges nothing that no replica has",
    async () => {
      await using cluster = await Cluster.start({
        hasReplica: true,
        flags: ["--redis-replicas", "1"],
      });
      replicaOf(cluster).pause();
      const refused = await publish(cluster.node(0), "refused");
      expect([refused.status, (await refused.json()).code]).toEqual([503, "unavailable"]);
      replicaOf(cluster).resume();
      const stored = await eventually("it is stored", async () => {
        const answer = await publish(cluster.node(1), "refused");
        return answer.ok ? answer : null;
      });
      expect([200, 201]).toContain(stored.status);
      const { position } = await stored.json();
      expect(await positions(cluster.node(2))).toEqual([position]);
    },
    testMsMax,
  );

  test(
    "goes on where nothing was lost, without a word to the readers",
    async () => {
      await using cluster = await Cluster.start({ hasReplica: true });
      const readers = await follow(cluster.nodes);
      const before = await publishMany(cluster.nodes, 20);
      await eventually("the replica has it all", () => hasAll(cluster));
      await takeOver(cluster);
      const after = await publishMany(cluster.nodes, 3);
      expect(after).toEqual([21, 22, 23].map((offset) => `${epochOf(before[0])}:${offset}`));
      for (const reader of readers) await reader.hear([...before, ...after]);
      for (const reader of readers) expect(reader.gaps).toEqual([]);
      for (const reader of readers) reader.close();
    },
    testMsMax,
  );

  test(
    "begins a new life where it lacks something, and every reader is told",
    async () => {
      await using cluster = await Cluster.start({ hasReplica: true });
      const readers = await follow(cluster.nodes);
      const before = await publishMany(cluster.nodes, 5);
      await eventually("the replica has it all", () => hasAll(cluster));
      await replicaOf(cluster).send("REPLICAOF", "NO", "ONE");
      const lost = await publishMany(cluster.nodes, 3);
      for (const reader of readers) await reader.hear([...before, ...lost]);
      await takeOver(cluster);
      const gaps = await Promise.all(readers.map((reader) => reader.gap()));
      for (const { reason, from } of gaps) expect([reason, from]).toEqual(["reset", lost.at(-1)]);
      const [to] = gaps.map((gap) => gap.to);
      expect(epochOf(to)).not.toBe(epochOf(before[0]));
      const after = await publishMany(cluster.nodes, 3);
      expect(new Set(after.map(epochOf))).toEqual(new Set([epochOf(to)]));
      for (const reader of readers) await reader.hear([...before, ...lost, ...after]);
      // Whoever comes back with a place that was lost is told so too, by any node.
      for (const { url } of cluster.nodes) {
        const path = `${url}/rooms/${room}/messages?since=${lost.at(-1)}`;
        expect((await (await fetch(path)).json()).gap).toMatchObject({ reason: "reset" });
      }
      for (const reader of readers) reader.close();
    },
    testMsMax,
  );
});

describe.if(isPossible)("a Redis without memory", () => {
  test(
    "turns publishers away, keeps the readers, and heals",
    async () => {
      await using cluster = await Cluster.start();
      const readers = await follow(cluster.nodes);
      const before = await publishMany(cluster.nodes, 3);
      await cluster.redis.send("CONFIG", "SET", "maxmemory", "1");
      for (const node of cluster.nodes) {
        const answer = await publish(node, `refused by ${node.name}`);
        expect([answer.status, (await answer.json()).code]).toEqual([503, "unavailable"]);
        expect(answer.headers.get("retry-after")).not.toBeNull();
        expect((await fetch(`${node.url}/livez`)).status).toBe(200);
        expect(await positions(node)).toEqual(before);
      }
      await cluster.redis.send("CONFIG", "SET", "maxmemory", "0");
      await Promise.all(cluster.nodes.map((node) => node.ready()));
      const after = await publishMany(cluster.nodes, 3);
      expect(after.map(offsetOf)).toEqual([4, 5, 6]);
      for (const reader of readers) await reader.hear([...before, ...after]);
      for (const reader of readers) {
        expect(reader.gaps).toEqual([]);
        expect(reader.isConnected).toBe(true);
        reader.close();
      }
    },
    testMsMax,
  );
});

/** A reader on one node, over one of the transports. */
interface Follower {
  readonly gaps: readonly { reason: string; from: unknown; to: string }[];
  /** Whether it is still on the connection that it began with. */
  readonly isConnected: boolean;
  /** The first gap, once it is told. */
  gap(): Promise<{ reason: string; from: unknown; to: string }>;
  /** Resolves when it was told exactly these positions. */
  hear(positions: readonly string[]): Promise<void>;
  close(): void;
}

/** Two readers a node, one over WebSocket and one over SSE, all in the room. */
async function follow(nodes: readonly ClusterNode[]): Promise<Follower[]> {
  const followers: Follower[] = [];
  for (const node of nodes) {
    const client = new Client(toSocketUrl(node));
    await client.next("welcome");
    await client.join(room);
    const stream = new EventReader(`${node.url}/rooms/${room}/events`);
    await stream.stand();
    const isConnected = () => client.closed === null;
    followers.push(
      createFollower(client, isConnected, () => [client.all("gap"), client.all("message")]),
      createFollower(
        { close: () => stream[Symbol.dispose]() },
        () => !stream.isEnded,
        () => [stream.named("gap"), stream.messages],
      ),
    );
  }
  return followers;
}

function createFollower(
  connection: { close(): void },
  isConnected: () => boolean,
  look: () => [unknown, readonly { readonly position: string }[]],
): Follower {
  const gaps = () => look()[0] as Follower["gaps"];
  return {
    get gaps() {
      return gaps();
    },
    get isConnected() {
      return isConnected();
    },
    gap: () => eventually("a gap", () => gaps()[0], 20_000),
    async hear(expected) {
      const told = () => look()[1].map(({ position }) => position);
      await eventually(`${expected.length} messages`, () => told().length >= expected.length);
      expect(told()).toEqual([...expected]);
    },
    close: () => connection.close(),
  };
}

let published = 0;

/** Publishes so many messages on the nodes in turn; again where one is turned away. */
async function publishMany(nodes: readonly ClusterNode[], count: number): Promise<string[]> {
  const given: string[] = [];
  for (let each = 0; each < count; each += 1) {
    published += 1;
    const id = `message-${published}`;
    const node = nodes[each % nodes.length];
    if (node === undefined) throw new Error("There is no node.");
    const take = async () => {
      const answer = await publish(node, id);
      return answer.ok ? answer : null;
    };
    const answer = await eventually(`${id} is stored`, take, 20_000);
    given.push((await answer.json()).position);
  }
  return given;
}

function publish({ url }: ClusterNode, id: string): Promise<Response> {
  return fetch(`${url}/rooms/${room}/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id, content: id }),
  });
}

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).ok;
}

async function positions({ url }: ClusterNode): Promise<string[]> {
  return (await readLog(url, room)).map(({ position }) => position);
}

/** Kills the master, where it still runs, and makes the replica one. */
async function takeOver(cluster: Cluster): Promise<void> {
  await cluster.redis.kill();
  await replicaOf(cluster).send("REPLICAOF", "NO", "ONE");
  await Promise.all(cluster.nodes.map((node) => node.ready()));
}

function replicaOf({ redises }: Cluster): RedisServer {
  const replica = redises[1];
  if (replica === undefined) throw new Error("There is no replica.");
  return replica;
}

/** Whether the replica has what the master has. */
async function hasAll(cluster: Cluster): Promise<boolean> {
  const both = [cluster.redis, replicaOf(cluster)];
  const [ours, theirs] = await Promise.all(
    both.map((redis) => redis.send("HGET", "partyline:heads", room)),
  );
  return ours === theirs;
}

function epochOf(position: string | undefined): string {
  return parsePosition(position ?? "")?.epoch ?? "";
}

function offsetOf(position: string): number {
  return parsePosition(position)?.offset ?? Number.NaN;
}
