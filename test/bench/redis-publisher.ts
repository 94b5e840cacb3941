/** One process that publishes to Redis as fast as it can, as a node does or by plain commands. */

import { RedisClient } from "bun";
import { json } from "../contract/broker-scene.ts";
import { RedisNode } from "../support/redis-nodes.ts";

/** What it is started with, as JSON. */
export interface PublisherOptions {
  readonly way: "scripts" | "commands";
  readonly port: number;
  readonly ms: number;
  /** Tells the ids of several processes apart. */
  readonly name: string;
}

/** What it prints at the end, as JSON. */
export interface PublisherReport {
  readonly stored: number;
  readonly perSecond: number;
}

const rooms = Array.from({ length: 10 }, (_, n) => `room-${n}`);
/** Publishes that wait for their answer at any moment. */
const waitingMax = 2_048;
const keptMessages = 10_000;
const content = "x".repeat(98); // 100 bytes as JSON
const from = { id: "alice", name: "Alice" };

/** Publishes until the time is over, through `publish`. */
async function run(ms: number, publish: (n: number, room: string) => Promise<unknown>) {
  let started = 0;
  let stored = 0;
  const startedAt = performance.now();
  const loop = async () => {
    while (performance.now() - startedAt < ms) {
      const n = started++;
      await publish(n, rooms[n % rooms.length] ?? "");
      stored += 1;
    }
  };
  await Promise.all(Array.from({ length: waitingMax }, loop));
  return { stored, perSecond: (stored * 1_000) / (performance.now() - startedAt) };
}

/** Publishes as a node that listens to all of the rooms. */
async function byScripts({ port, ms, name }: PublisherOptions): Promise<PublisherReport> {
  const retention = { messagesMax: keptMessages, ageMsMax: 0, bytesMax: 0 };
  const node = await new RedisNode(port, { prefix: "bench", retention, isDirect: true }).start();
  for (const room of rooms) await node.broker.listen(room);
  const forget = setInterval(() => node.announced.splice(0), 100);
  const report = await run(ms, (n, room) => {
    const id = `${name}-0198c0de-7000-8000-${n}`;
    return node.broker.publish({ room, id, from, at: Date.now(), body: json(content) });
  });
  clearInterval(forget);
  await node.close();
  return report;
}

/** Adds the same to streams: no ids, no numbering, nobody told. */
async function byCommands({ port, ms, name }: PublisherOptions): Promise<PublisherReport> {
  const redis = new RedisClient(`redis://127.0.0.1:${port}`);
  const trimming = ["MAXLEN", "~", String(keptMessages)];
  const report = await run(ms, (n, room) => {
    const head = `"${name}-0198c0de-7000-8000-${n}"\n100 ${Date.now()} j ["alice","Alice"]`;
    return redis.send("XADD", [`plain:${room}`, ...trimming, "*", "m", `${head}\n"${content}"`]);
  });
  redis.close();
  return report;
}

const options: PublisherOptions = JSON.parse(process.argv[2] ?? "{}");
const report = options.way === "scripts" ? await byScripts(options) : await byCommands(options);
console.log(JSON.stringify(report));
process.exit(0);
