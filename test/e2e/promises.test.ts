import { describe, expect, test } from "bun:test";
import { Chance } from "../support/chance.ts";
import { Client } from "../support/client.ts";
import { eventually } from "../support/poll.ts";
import { ReaderLog } from "../support/reader-log.ts";
import { TestServer } from "../support/server.ts";
import { SureWriter } from "../support/sure-writer.ts";
import { transports } from "../support/transports.ts";

const room = "general";
/** For ten thousand messages and more, on a busy machine. */
const readMsMax = 60_000;

/** Comes and goes at random until `isOver`, then stays until it has read up to `last`. */
async function readOn(
  server: TestServer,
  log: ReaderLog,
  chance: Chance,
  visit: (typeof transports)[number]["visit"],
  isOver: () => boolean,
  last: () => number,
): Promise<void> {
  while (!isOver() && log.failure === null) {
    await visit(server.url, room, log, AbortSignal.timeout(5 + chance.below(150)), "start");
    await Bun.sleep(chance.below(20));
  }
  const end = performance.now() + readMsMax;
  while (log.offset !== last() && log.failure === null) {
    if (performance.now() > end) throw new Error(`${log.name} stays at ${log.since()}`);
    const abort = new AbortController();
    const visiting = visit(server.url, room, log, abort.signal, "start");
    const isRead = () => log.offset === last() || log.failure !== null;
    await Promise.race([visiting, eventually("the rest", isRead, readMsMax)]);
    abort.abort();
    await visiting;
  }
  if (log.failure !== null) throw log.failure;
}

/** Many writers, and readers of every transport that come and go; `restarts` of the server between. */
async function play(server: TestServer, seed: number, restarts: number): Promise<void> {
  const chance = new Chance(seed);
  const acknowledged = new Map<string, string>();
  let isWriting = true;
  const writers = Array.from({ length: 3 }, (_, index) => {
    return new SureWriter(() => server.url, room, `writer-${index}`, acknowledged);
  });
  const isOver = () => !isWriting;
  let last = Number.POSITIVE_INFINITY;
  const logs: ReaderLog[] = [];
  const reading = transports.flatMap(({ name, visit }) =>
    Array.from({ length: 3 }, (_, index) => {
      const log = new ReaderLog(`${name} ${index} of seed ${seed}`);
      logs.push(log);
      return readOn(server, log, new Chance(seed + logs.length), visit, isOver, () => last);
    }),
  );
  for (let left = restarts; left > 0; left -= 1) {
    await Bun.sleep(200 + chance.below(300));
    await server.stop();
    await server.start();
  }
  // Cut as often as it takes to have written something worth reading.
  while (acknowledged.size < 10_000) {
    await Bun.sleep(chance.below(100));
    writers[chance.below(writers.length)]?.cut();
  }
  await Promise.all(writers.map((writer) => writer.end()));
  isWriting = false;
  last = Number((await server.json(`/rooms/${room}`)).position.split(":")[1]);
  await Promise.all(reading);
  // Every message once, at the place its publisher was told, and nothing else: G1, G3 and G4.
  expect(last).toBe(acknowledged.size);
  for (const log of logs) {
    expect([log.name, log.gaps, log.received]).toEqual([log.name, [], acknowledged.size]);
    const places = new Map(log.ids.map((id, index) => [id, `${log.epoch}:${index + 1}`]));
    expect(places).toEqual(acknowledged);
  }
}

describe("readers that come and go while others write read all, in order, each once", () => {
  const retention = { messagesMax: 0 };

  test("of a log in memory", async () => {
    await using server = await TestServer.start({ retention });
    await play(server, 1, 0);
  }, 120_000);

  test("of a log in SQLite", async () => {
    await using server = await TestServer.start({ durability: "process", retention });
    await play(server, 2, 0);
  }, 120_000);

  test("over restarts of the server", async () => {
    await using server = await TestServer.start({ durability: "process", retention });
    await play(server, 3, 3);
  }, 120_000);
});

describe("publishing twice is publishing once", () => {
  for (const durability of ["memory", "process"] as const) {
    test(`at the same moment, with durability ${durability}`, async () => {
      await using server = await TestServer.start({ durability });
      const client = await server.connect();
      await client.join(room);
      const attempts = Array.from({ length: 200 }, async (_, index) => {
        const id = `id-${index % 10}`;
        if (index % 2 === 0) return client.ask({ type: "message", room, content: index, id });
        return server.publish(room, index, id) as Promise<Awaited<ReturnType<Client["ask"]>>>;
      });
      const answers = await Promise.all(attempts);
      for (let index = 0; index < 10; index += 1) {
        const same = answers.filter((_, attempt) => attempt % 10 === index);
        expect(new Set(same.map(({ position }) => position)).size).toBe(1);
        expect(same.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      }
      await eventually("ten messages", () => client.all("message").length === 10);
      expect((await server.json(`/rooms/${room}/messages`)).messages).toHaveLength(10);
    });

    test(`again after the connection was cut, with durability ${durability}`, async () => {
      await using server = await TestServer.start({ durability });
      const chance = new Chance(4);
      for (let index = 0; index < 40; index += 1) {
        const request = { type: "message", room, content: index, id: `id-${index}` };
        for (let isAcknowledged = false; !isAcknowledged; ) {
          const client = new Client(server.socketUrl);
          await client.next("welcome");
          client.send({ type: "join", room });
          client.send(request);
          if (chance.isLucky(0.5)) await Bun.sleep(chance.below(4));
          if (chance.isLucky(0.6)) client.cut();
          else {
            await client.next("ack");
            isAcknowledged = true;
            client.close();
          }
        }
      }
      const { messages } = await server.json(`/rooms/${room}/messages?since=start&limit=500`);
      expect(messages.map(({ content }: { content: number }) => content)).toEqual(
        Array.from({ length: 40 }, (_, index) => index),
      );
    });
  }
});
