/**
 * A long ordinary day in half an hour (`--minutes N` for another time): people stay, come and go,
 * publish and download, and memory and descriptors stay where they were after the first minutes.
 */

import { join } from "node:path";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { startChild } from "./child.ts";
import { createRandom } from "./random-frame.ts";
import { createTally, openSocket, type Tally, toFrame } from "./raw-socket.ts";
import { openStream } from "./raw-stream.ts";
import { count, type Finding, median, present } from "./report.ts";
import { comeAndGo } from "./soak.ts";

const minutes = Number(process.argv[process.argv.indexOf("--minutes") + 1]) || 30;
const rooms = 20;
const socketsOfRoom = 20;
const streamsOfRoom = 5;
const publishesPerSecond = 200;
const comersAndGoers = 4;
const sampleMs = 10_000;
const rssGrowthMax = 16 * 1_048_576;
const fileBytes = 1_048_576;
const mebibyte = 1_048_576;

/** What the server was like at one moment. */
interface Sample {
  readonly rss: number;
  readonly descriptors: number;
}

export async function endurance(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  await Bun.write(join(folder.path, "files", "one.bin"), new Uint8Array(fileBytes));
  const retention = { messagesMax: 2_000, bytesMax: 4 * mebibyte };
  using child = await startChild("partyline-server.ts", {
    config: { data: folder.path, retention },
  });
  const tally = createTally();
  const writers = await settle(child.port, tally);
  const random = createRandom(Number(process.env.SEED ?? 1));
  let published = 0;
  const publishing = setInterval(() => {
    for (let n = 0; n < publishesPerSecond / 20; n += 1, published += 1) {
      const index = Math.floor(random() * writers.length);
      const content = "x".repeat(random() * 400);
      writers[index]?.write(toFrame({ type: "message", room: nameOf(index), content }));
    }
  }, 50);
  let isOver = false;
  let visits = 0;
  const visiting = Array.from({ length: comersAndGoers }, async (_, index) => {
    const chance = createRandom(index + 1);
    for (; !isOver; visits += 1) {
      await comeAndGo(child.port, chance);
      if (visits % 20 === 0) await download(child.port);
      await Bun.sleep(20);
    }
  });
  const samples: Sample[] = [];
  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) {
    await Bun.sleep(Math.min(sampleMs, minutes * 6_000));
    const sample = { rss: await child.ask("memory"), descriptors: await child.ask("descriptors") };
    samples.push(sample);
    const text = `${(sample.rss / mebibyte).toFixed(1)} MiB, ${sample.descriptors} descriptors`;
    process.stderr.write(`${count(published)} published, ${count(visits)} visits: ${text}\n`);
  }
  clearInterval(publishing);
  isOver = true;
  await Promise.all(visiting);
  return judge(samples, tally, published, visits);
}

/** Fills the rooms with people who stay; returns one socket of each room that writes. */
async function settle(port: number, tally: Tally) {
  const writers = [];
  for (let index = 0; index < rooms; index += 1) {
    const room = nameOf(index);
    for (let n = 0; n < socketsOfRoom; n += 1) {
      const socket = await openSocket(port, "/ws", tally);
      socket.write(toFrame({ type: "join", room }));
      if (n === 0) writers.push(socket);
    }
    for (let n = 0; n < streamsOfRoom; n += 1) {
      await openStream(port, `/rooms/${room}/events`, tally);
    }
  }
  return writers;
}

async function download(port: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/files/one.bin`, { keepalive: false });
  const { byteLength } = await answer.arrayBuffer();
  if (byteLength !== fileBytes) throw new Error(`A download had ${byteLength} bytes.`);
}

function nameOf(index: number): string {
  return `room-${index}`;
}

/** Compares the last third of the time with the second: the first is warmth. */
function judge(
  samples: readonly Sample[],
  { messages, acks, closes }: Tally,
  published: number,
  visits: number,
): Finding[] {
  const third = Math.floor(samples.length / 3);
  const before = samples.slice(third, 2 * third);
  const after = samples.slice(2 * third);
  const of = (some: readonly Sample[], key: keyof Sample) => median(some.map((each) => each[key]));
  const growth = of(after, "rss") - of(before, "rss");
  const descriptors = of(after, "descriptors") - of(before, "descriptors");
  const load = `${count(published)} publishes, ${count(visits)} visits, ${minutes} min`;
  return [
    {
      what: load,
      target: "all acknowledged, nobody cut",
      measured: `${count(acks)} acknowledged, ${count(messages)} delivered, ${closes} cut`,
      // What was sent in the last moment may still be on its way.
      isMet: closes === 0 && acks >= published - publishesPerSecond,
    },
    {
      what: "memory, last third against the second",
      target: `≤ ${rssGrowthMax / mebibyte} MiB more`,
      measured: `${(growth / mebibyte).toFixed(1)} MiB, at ${(of(after, "rss") / mebibyte).toFixed(1)} MiB`,
      isMet: growth <= rssGrowthMax,
    },
    {
      what: "descriptors, last third against the second",
      target: "≤ 8 more",
      measured: `${descriptors}, at ${of(after, "descriptors")}`,
      isMet: descriptors <= 8,
    },
  ];
}

if (import.meta.main) await present([endurance]);
