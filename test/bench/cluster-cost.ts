/** What a message costs Redis and each node that hears of it, what a room does, and their memory. */

import { measureCost, type Nodes, readRedisInfo, startNodes } from "./nodes.ts";
import { counted, createTally, openSocket, type RawSocket, toFrame } from "./raw-socket.ts";
import { count, type Finding, present } from "./report.ts";

const nodesMax = 3;
const content = "x".repeat(100);
const connectionsMax = 100;
const enteredRooms = 20;
/** Long enough for all that was gathered about who came. */
const settleMs = 1_000;

/** What arrives at once: a message alone, one for each of some rooms, and many for each. */
const loads = [
  { name: "alone", rooms: 1, batch: 1, turns: 3_000 },
  { name: "16 rooms at once", rooms: 16, batch: 1, turns: 400 },
  { name: "16 rooms, 32 each at once", rooms: 16, batch: 32, turns: 60 },
];
const warmTurns = 10;

/** Publishes at the first node, with a reader of each room on one node, on two, on three. */
export async function clusterCost(): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  await using cluster = await startNodes(nodesMax);
  const emptyBytes = await readRedisInfo(cluster.redis, "used_memory");
  let messages = 0;
  for (const load of loads) {
    const { rooms, batch, turns } = load;
    for (let nodes = 1; nodes <= nodesMax; nodes += 1) {
      const room = `${rooms}-${batch}-${nodes}`;
      await run(cluster, `warm-${room}`, { ...load, nodes, turns: warmTurns });
      findings.push(await run(cluster, `rooms-${room}`, { ...load, nodes }));
      messages += (warmTurns + turns) * batch * rooms;
    }
  }
  const bytes = (await readRedisInfo(cluster.redis, "used_memory")) - emptyBytes;
  return [
    ...findings,
    {
      what: "memory of Redis for a message of 100 bytes",
      target: "",
      measured: `${count(bytes / messages)} bytes`,
      isMet: null,
    },
    await enter(cluster),
  ];
}

/** Enters rooms that nobody is in, one member each, as people do who come to a chat of their own. */
async function enter({ nodes, redis }: Nodes): Promise<Finding> {
  const [, node = nodes[0]] = nodes;
  const tally = createTally();
  const sockets: RawSocket[] = [];
  for (let index = 0; index < connectionsMax; index += 1) {
    sockets.push(await openSocket(node.port, "/ws", tally));
  }
  const before = await readRedisInfo(redis, "used_memory");
  const rooms = connectionsMax * enteredRooms;
  const cost = await measureCost([node], redis, async () => {
    for (const [index, socket] of sockets.entries()) {
      const joins = Array.from({ length: enteredRooms }, (_, room) => {
        return toFrame({ type: "join", room: `entered-${index}-${room}` });
      });
      socket.write(Buffer.concat(joins));
    }
    await counted(tally, () => tally.joins === rooms);
    await Bun.sleep(settleMs);
  });
  const bytes = (await readRedisInfo(redis, "used_memory")) - before;
  for (const socket of sockets) socket.end();
  const per = (cpu = 0) => `${(cpu / rooms).toFixed(0)} µs`;
  return {
    what: "a room that the first member enters on a node",
    target: "",
    measured: `of Redis ${per(cost.redis)} and ${count(bytes / rooms)} bytes, of its node ${per(cost.nodes[0])}`,
    isMet: null,
  };
}

interface Load {
  readonly name: string;
  readonly rooms: number;
  readonly batch: number;
  readonly nodes: number;
  readonly turns: number;
}

async function run(cluster: Nodes, prefix: string, load: Load): Promise<Finding> {
  const { batch, nodes, turns } = load;
  const [first] = cluster.nodes;
  const rooms = Array.from({ length: load.rooms }, (_, index) => `${prefix}-${index}`);
  const tally = createTally();
  const publishers: RawSocket[] = [];
  const readers: RawSocket[] = [];
  for (const room of rooms) {
    const join = toFrame({ type: "join", room });
    const publisher = await openSocket(first.port, "/ws", tally); // reads as well
    publisher.write(join);
    publishers.push(publisher);
    for (const { port } of cluster.nodes.slice(1, nodes)) {
      const reader = await openSocket(port, "/ws", tally);
      reader.write(join);
      readers.push(reader);
    }
  }
  await counted(tally, () => tally.joins === rooms.length * nodes);
  const turnOf = rooms.map((room) => {
    const message = toFrame({ type: "message", room, content });
    return Buffer.concat(Array.from({ length: batch }, () => message));
  });
  const cost = await measureCost(cluster.nodes, cluster.redis, async () => {
    for (let turn = 1; turn <= turns; turn += 1) {
      for (const [index, publisher] of publishers.entries()) {
        publisher.write(turnOf[index] ?? new Uint8Array());
      }
      const due = turn * batch * rooms.length;
      await counted(tally, () => tally.acks >= due && tally.messages >= due * nodes);
    }
  });
  for (const socket of [...publishers, ...readers]) socket.end();
  const published = turns * batch * rooms.length;
  const [publisher = 0, hearer] = cost.nodes;
  const per = (cpu: number) => `${(cpu / published).toFixed(1)} µs`;
  const heard = nodes > 1 ? `, of each other node ${per(hearer ?? 0)}` : "";
  return {
    what: `processor time of a message, ${load.name}, heard by ${nodes}`,
    target: "",
    measured: `of Redis ${per(cost.redis)}, of its node ${per(publisher)}${heard}`,
    isMet: null,
  };
}

if (import.meta.main) await present([clusterCost]);
