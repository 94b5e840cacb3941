/** A server with subscribers, and somebody who publishes to all of them. */

import type { Child } from "./child.ts";
import {
  counted,
  createTally,
  openSocket,
  type RawSocket,
  type Tally,
  toFrame,
} from "./raw-socket.ts";

/** The room that everybody is in. */
export const room = "bench";
/** Subscribers of each contestant. */
export const subscribersMax = 1_000;

const publishesOfRound = 100;
const warmMessages = 10_000;
const warmTurn = 100;
const content = "x".repeat(100);
const message = toFrame({ type: "message", room, content });

/** `tally` counts what its subscribers received. */
export interface Contestant {
  readonly child: Child;
  readonly tally: Tally;
  readonly publisher: RawSocket;
}

/**
 * Prepares a server: its code is warm, `subscribe` has opened each of the subscribers, which count
 * in `tally.joins` once they read live, and one more connection publishes.
 */
export async function assemble(
  child: Child,
  subscribe: (tally: Tally, index: number) => Promise<void>,
): Promise<Contestant> {
  const own = createTally();
  const publisher = await openSocket(child.port, "/ws", own);
  publisher.write(toFrame({ type: "join", room }));
  await counted(own, () => own.joins >= 1);
  const turn = Buffer.concat(Array.from({ length: warmTurn }, () => message));
  while (own.messages < warmMessages) {
    const due = own.messages + warmTurn;
    publisher.write(turn);
    await counted(own, () => own.messages >= due);
  }
  const tally = createTally();
  for (let index = 0; index < subscribersMax; index += 1) await subscribe(tally, index);
  await counted(tally, () => tally.joins >= subscribersMax);
  return { child, tally, publisher };
}

/** Publishes bursts, each once the one before was delivered to all; deliveries per CPU second. */
export async function measureRate(contestant: Contestant, burst: number): Promise<number> {
  const cpuBefore = await contestant.child.ask("cpu");
  const deliveries = await deliver(contestant, burst);
  return (deliveries * 1e6) / ((await contestant.child.ask("cpu")) - cpuBefore);
}

/** Publishes the bursts of one round so, and resolves to how many deliveries that were. */
export async function deliver({ tally, publisher }: Contestant, burst: number): Promise<number> {
  const turn = Buffer.concat(Array.from({ length: burst }, () => message));
  const deliveries = publishesOfRound * burst * subscribersMax;
  const before = tally.messages;
  for (let index = 1; index <= publishesOfRound; index += 1) {
    const due = before + index * burst * subscribersMax;
    publisher.write(turn);
    await counted(tally, () => tally.messages >= due);
  }
  if (tally.messages - before !== deliveries) throw new Error("More was delivered than published.");
  return deliveries;
}

/** How a finding names the size of bursts. */
export function describeBurst(burst: number): string {
  return burst === 1 ? "single messages" : `bursts of ${burst}`;
}
