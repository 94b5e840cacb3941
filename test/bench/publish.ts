/** Storing messages: 64 connections, each in a room of its own, each with 16 unacknowledged. */

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { type Child, startChild } from "./child.ts";
import type { Lag } from "./instruments.ts";
import { counted, createTally, openSocket, type Tally, toFrame } from "./raw-socket.ts";
import { count, type Finding, median, present } from "./report.ts";

const connectionsMax = 64;
const unacknowledged = 16;
const content = "x".repeat(100);
const rateMin = 30_000;
const heldMsMax = 20;
const windowMs = 1_000;
/** Windows that are measured once every room is past what retention keeps. */
const windows = 10;
/** The default: from here on each message that is stored makes one be forgotten. */
const keptMessages = 10_000;
const fillMsMax = 90_000;

/** Stored and acknowledged messages a second, and for how long anything held the event loop. */
export async function publish(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  using child = await startChild("partyline-server.ts", {
    config: { data: folder.path, durability: "process" },
    hasLagMeter: true,
  });
  const tally = createTally();
  for (let index = 0; index < connectionsMax; index += 1) await openPublisher(child, index, tally);
  const past = connectionsMax * keptMessages;
  const filling = await measure(child, tally);
  await counted(tally, () => tally.acks > past, fillMsMax);
  const fillingLag = await child.ask("lag");
  const rates = [];
  for (let window = 0; window < windows; window += 1) rates.push(await measure(child, tally));
  const lag = await child.ask("lag");
  await assertTrimmed(child);
  const rate = median(rates.map(({ perSecond }) => perSecond));
  const cpuRate = median(rates.map(({ perCpuSecond }) => perCpuSecond));
  return [
    {
      what: `publish, ${connectionsMax} rooms, SQLite, with retention at work`,
      target: `≥ ${count(rateMin)}/s on one core`,
      measured: `${count(rate)}/s, ${count(cpuRate)}/CPU s`,
      isMet: Math.min(rate, cpuRate) >= rateMin,
    },
    {
      what: "publish, before anything is forgotten",
      target: "",
      measured: `${count(filling.perSecond)}/s, ${count(filling.perCpuSecond)}/CPU s`,
      isMet: null,
    },
    toFinding("event loop held, filling", fillingLag),
    toFinding("event loop held, with retention at work", lag),
  ];
}

/** Joins a room of its own and from then on answers each ack with the next message. */
async function openPublisher({ port }: Child, index: number, all: Tally): Promise<void> {
  const room = `bench-${index}`;
  const tally = createTally();
  const socket = await openSocket(port, "/ws", tally);
  socket.write(toFrame({ type: "join", room }));
  await counted(tally, () => tally.joins === 1);
  const message = toFrame({ type: "message", room, ref: 1, content });
  const turns = Array.from({ length: unacknowledged + 1 }, (_, count) =>
    Buffer.concat(Array.from({ length: count }, () => message)),
  );
  let answered = 0;
  tally.onChange = () => {
    const turn = turns[tally.acks - answered];
    if (turn === undefined) throw new Error("More was acknowledged than sent.");
    all.acks += tally.acks - answered;
    answered = tally.acks;
    if (turn.length > 0) socket.write(turn);
    all.onChange();
  };
  socket.write(turns[unacknowledged] ?? message);
}

async function measure(child: Child, tally: Tally) {
  const cpuBefore = await child.ask("cpu");
  const acksBefore = tally.acks;
  const startedAt = performance.now();
  await Bun.sleep(windowMs);
  const acks = tally.acks - acksBefore;
  const perSecond = (acks * 1_000) / (performance.now() - startedAt);
  return { perSecond, perCpuSecond: (acks * 1e6) / ((await child.ask("cpu")) - cpuBefore) };
}

/** Makes sure that retention did its work, and was not measured while it slept. */
async function assertTrimmed({ port }: Child): Promise<void> {
  const url = `http://127.0.0.1:${port}/rooms/bench-0/messages?since=start&limit=1`;
  const { messages } = (await (await fetch(url)).json()) as { messages: { position: string }[] };
  const oldest = Number(messages[0]?.position.split(":")[1]);
  if (!(oldest > 1)) throw new Error(`Nothing was forgotten: the oldest message is ${oldest}.`);
}

function toFinding(what: string, { p50, p99, max, heldMax }: Lag): Finding {
  const ms = (number: number) => number.toFixed(1);
  return {
    what,
    target: `≤ ${heldMsMax} ms`,
    measured: `${ms(heldMax)} ms (timer late: p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)})`,
    isMet: heldMax <= heldMsMax,
  };
}

if (import.meta.main) await present([publish]);
