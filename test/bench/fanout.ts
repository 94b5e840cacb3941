/** Fan-out to 1,000 WebSocket subscribers of one room, against a server that only publishes. */

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { type Child, startChild } from "./child.ts";
import { assemble, type Contestant, describeBurst, measureRate, room } from "./contestant.ts";
import { counted, createTally, openSocket, toFrame } from "./raw-socket.ts";
import { count, type Finding, median, present, times } from "./report.ts";

/** Subscribers whose messages are parsed to see that they come in order. */
const sampledMax = 10;
const rounds = 7;

/** Compares deliveries per second of processor time with bare Bun's, round by round. */
export async function fanout(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  const { path: data } = folder;
  using memoryChild = await startChild("partyline-server.ts", {
    config: { data, durability: "memory" },
  });
  using sqliteChild = await startChild("partyline-server.ts", { config: { data } });
  const ours = [
    { name: "memory", least: 0.9, contestant: await enter(memoryChild) },
    { name: "SQLite", least: 0.8, contestant: await enter(sqliteChild) },
  ];
  using bareChild = await startChild("bare-server.ts", {
    frameBytes: await measureFrame(memoryChild),
  });
  const bare = await enter(bareChild);
  const findings: Finding[] = [];
  for (const burst of [1, 10]) {
    const bareRates: number[] = [];
    const ratios = ours.map((): number[] => []);
    for (let round = 0; round < rounds; round += 1) {
      const rate = await measureRate(bare, burst);
      bareRates.push(rate);
      for (const [index, { contestant }] of ours.entries()) {
        ratios[index]?.push((await measureRate(contestant, burst)) / rate);
      }
    }
    for (const [index, { name, least }] of ours.entries()) {
      const ratio = median(ratios[index] ?? []);
      findings.push({
        what: `WebSocket fan-out, ${describeBurst(burst)}, ${name}`,
        target: `≥ ${times(least)} of bare`,
        measured: `${times(ratio)} of ${count(median(bareRates))} deliveries/CPU s`,
        isMet: ratio >= least,
      });
    }
  }
  return findings;
}

function enter(child: Child): Promise<Contestant> {
  const join = toFrame({ type: "join", room });
  return assemble(child, async (tally, index) => {
    const onMessage = index < sampledMax ? createOrderCheck() : undefined;
    const socket = await openSocket(child.port, "/ws", tally, onMessage);
    socket.write(join);
  });
}

/** The bytes of a message's frame, so that bare Bun sends as much. */
async function measureFrame({ port }: Child): Promise<number> {
  const tally = createTally();
  let bytes = 0;
  const socket = await openSocket(port, "/ws", tally, (text) => {
    bytes = text.length;
  });
  socket.write(toFrame({ type: "join", room, since: "start" }));
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
