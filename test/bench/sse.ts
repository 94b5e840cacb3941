/** Fan-out to 1,000 SSE subscribers of one room, against the fastest push stream of bare Bun. */

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
import { openStream } from "./raw-stream.ts";
import { count, type Finding, median, present, times } from "./report.ts";

const subscribersMax = 1_000;
const rounds = 7;
const publishesOfRound = 100;
const ratioMin = 0.8;
const room = "bench";
const message = toFrame({ type: "message", room, content: "x".repeat(100) });

interface Contestant {
  readonly child: Child;
  readonly tally: Tally;
  readonly publisher: RawSocket;
}

/** Compares deliveries per second of processor time with bare Bun's, in rounds one after the other. */
export async function sse(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  using oursChild = await startChild("partyline-server.ts", {
    config: { data: folder.path, durability: "memory" },
  });
  const ours = await assemble(oursChild, `/rooms/${room}/events`);
  const frameBytes = await measureEvent(oursChild);
  using directChild = await startChild("bare-server.ts", { frameBytes, stream: "direct" });
  using defaultChild = await startChild("bare-server.ts", { frameBytes, stream: "default" });
  const bare = [await assemble(directChild, "/events"), await assemble(defaultChild, "/events")];
  const findings: Finding[] = [];
  for (const burst of [1, 10]) {
    const ratios: number[] = [];
    const rates: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const best = Math.max(...(await inTurn(bare, (each) => measure(each, burst))));
      const rate = await measure(ours, burst);
      if (round === 0) continue; // it warms up
      rates.push(best);
      ratios.push(rate / best);
    }
    const ratio = median(ratios);
    findings.push({
      what: `SSE fan-out, ${burst === 1 ? "single messages" : `bursts of ${burst}`}`,
      target: `≥ ${times(ratioMin)} of bare`,
      measured: `${times(ratio)} of ${count(median(rates))} deliveries/CPU s`,
      isMet: ratio >= ratioMin,
    });
  }
  return findings;
}

async function inTurn<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await act(item));
  return results;
}

/** Opens the subscribers, and a WebSocket that publishes. */
async function assemble(child: Child, path: string): Promise<Contestant> {
  const tally = createTally();
  for (let index = 0; index < subscribersMax; index += 1) await openStream(child.port, path, tally);
  await counted(tally, () => tally.joins >= subscribersMax);
  const own = createTally();
  const publisher = await openSocket(child.port, "/ws", own);
  publisher.write(toFrame({ type: "join", room }));
  await counted(own, () => own.joins >= 1);
  return { child, tally, publisher };
}

/** Publishes bursts, each once the one before was delivered to all; deliveries per CPU second. */
async function measure({ child, tally, publisher }: Contestant, burst: number): Promise<number> {
  const turn = Buffer.concat(Array.from({ length: burst }, () => message));
  const deliveries = publishesOfRound * burst * subscribersMax;
  const before = tally.messages;
  const cpuBefore = await child.ask("cpu");
  for (let index = 1; index <= publishesOfRound; index += 1) {
    publisher.write(turn);
    const due = before + index * burst * subscribersMax;
    await counted(tally, () => tally.messages >= due);
  }
  return (deliveries * 1e6) / ((await child.ask("cpu")) - cpuBefore);
}

/** The bytes of a message's event, so that bare Bun sends as much. */
async function measureEvent({ port }: Child): Promise<number> {
  const url = `http://127.0.0.1:${port}/rooms/measure`;
  const body = JSON.stringify({ content: "x".repeat(100), username: "anonymous" });
  const headers = { "content-type": "application/json" };
  await fetch(`${url}/messages`, { method: "POST", body, headers });
  const stream = await fetch(`${url}/events?since=start`);
  let text = "";
  for await (const bytes of stream.body ?? []) {
    text += new TextDecoder().decode(bytes);
    const event = /id: \S+\ndata: \{.*\}\n\n/.exec(text)?.[0];
    if (event !== undefined) return event.length;
  }
  throw new Error("The stream ended.");
}

if (import.meta.main) await present([sse]);
