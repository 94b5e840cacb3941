/** Fan-out to 1,000 WebSocket subscribers of one room, against a server that only publishes. */

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { type Child, startChild } from "./child.ts";
import {
  counted,
  createTally,
  openSocket,
  type RawSocket,
  type Tally,
  toFrame,
} from "./raw-socket.ts";
import { count, type Finding, median, present, times } from "./report.ts";

const subscribersMax = 1_000;
/** Subscribers whose messages are parsed to see that they come in order. */
const sampledMax = 10;
const rounds = 7;
const publishesOfRound = 100;
const room = "bench";
const content = "x".repeat(100);

interface Contestant {
  readonly child: Child;
  readonly tally: Tally;
  readonly publisher: RawSocket;
}

/** Compares deliveries per second of processor time with bare Bun's, in rounds one after the other. */
export async function fanout(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  const { path: data } = folder;
  using memoryChild = await startChild("partyline-server.ts", {
    config: { data, durability: "memory" },
  });
  using sqliteChild = await startChild("partyline-server.ts", { config: { data } });
  using bareChild = await startChild("bare-server.ts", {
    frameBytes: await measureFrame(memoryChild),
  });
  const bare = await assemble(bareChild);
  const contestants = [
    { name: "memory", least: 0.9, contestant: await assemble(memoryChild) },
    { name: "SQLite", least: 0.8, contestant: await assemble(sqliteChild) },
  ];
  const findings: Finding[] = [];
  for (const burst of [1, 10]) {
    const ratios = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
    const rates: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const rate = await measure(bare, burst);
      if (round > 0) rates.push(rate); // the first round warms up
      for (const { name, contestant } of contestants) {
        const ratio = (await measure(contestant, burst)) / rate;
        if (round > 0) ratios.get(name)?.push(ratio);
      }
    }
    const how = burst === 1 ? "single messages" : `bursts of ${burst}`;
    for (const { name, least } of contestants) {
      const ratio = median(ratios.get(name) ?? []);
      findings.push({
        what: `WebSocket fan-out, ${how}, ${name}`,
        target: `≥ ${times(least)} of bare`,
        measured: `${times(ratio)} of ${count(median(rates))} deliveries/CPU s`,
        isMet: ratio >= least,
      });
    }
  }
  return findings;
}

/** Opens the subscribers and one more connection, which publishes. */
async function assemble(child: Child): Promise<Contestant> {
  const tally = createTally();
  const own = createTally();
  const join = toFrame({ type: "join", room });
  for (let index = 0; index < subscribersMax; index += 1) {
    const onMessage = index < sampledMax ? createOrderCheck() : undefined;
    const socket = await openSocket(child.port, "/ws", tally, onMessage);
    socket.write(join);
  }
  const publisher = await openSocket(child.port, "/ws", own);
  publisher.write(join);
  await counted(tally, () => tally.joins >= subscribersMax);
  await counted(own, () => own.joins >= 1);
  return { child, tally, publisher };
}

/** Publishes bursts, each once the one before was delivered to all; deliveries per CPU second. */
async function measure({ child, tally, publisher }: Contestant, burst: number): Promise<number> {
  const message = toFrame({ type: "message", room, content });
  const turn = Buffer.concat(Array.from({ length: burst }, () => message));
  const cpuBefore = await child.ask("cpu");
  const deliveries = publishesOfRound * burst * subscribersMax;
  const before = tally.messages;
  for (let index = 1; index <= publishesOfRound; index += 1) {
    publisher.write(turn);
    const due = before + index * burst * subscribersMax;
    await counted(tally, () => tally.messages >= due);
  }
  if (tally.messages - before !== deliveries) throw new Error("More was delivered than published.");
  return (deliveries * 1e6) / ((await child.ask("cpu")) - cpuBefore);
}

/** The bytes of a message's frame, so that bare Bun sends as much. */
async function measureFrame({ port }: Child): Promise<number> {
  const tally = createTally();
  let bytes = 0;
  const socket = await openSocket(port, "/ws", tally, (text) => {
    bytes = text.length;
  });
  socket.write(toFrame({ type: "join", room: "measure" }));
  socket.write(toFrame({ type: "message", room: "measure", content }));
  await counted(tally, () => bytes > 0);
  socket.end();
  return bytes;
}

/** Throws at a message that does not follow the one before. Bare Bun's have no positions. */
function createOrderCheck(): (text: string) => void {
  let last: number | null = null;
  return (text) => {
    const { position } = JSON.parse(text);
    if (position === undefined) return;
    const offset = Number(String(position).split(":")[1]);
    if (last !== null && offset !== last + 1) throw new Error(`${offset} came after ${last}`);
    last = offset;
  };
}

if (import.meta.main) await present([fanout]);
