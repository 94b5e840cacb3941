/** Holds what clients were told, and what they published, to what the server keeps. */

import type { MessageFrame } from "../../src/protocol/frame.ts";
import { parsePosition } from "../../src/protocol/position.ts";
import { type FaultProxyClient, type Reading, toText } from "./fault-proxy-client.ts";
import { eventually } from "./poll.ts";

/** A message as the server keeps it. */
interface Kept {
  readonly position: string;
  /** What was published, also where that was bytes. */
  readonly content: string;
}

/** Numbers of a run without a fault; `faults` says what was wrong, in sentences. */
export interface Verdict {
  readonly published: number;
  readonly delivered: number;
  readonly faults: readonly string[];
}

/** Reads all that a server keeps of a room. */
export async function readLog(url: string, room: string): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (let since = "start"; ; ) {
    const path = `${url}/rooms/${room}/messages?limit=500&since=${encodeURIComponent(since)}`;
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    const { messages, more }: { messages: MessageFrame[]; more: boolean } = await answer.json();
    for (const { position, content, bytes } of messages) {
      const carried = bytes === undefined ? undefined : Buffer.from(bytes, "base64");
      kept.push({ position, content: toText({ content, bytes: carried }) });
    }
    since = messages.at(-1)?.position ?? since;
    if (!more) return kept;
  }
}

/**
 * Waits until nothing is unsettled and every reader stands at the end of every room, then compares.
 * `url` is the server's own. The clients must have stopped writing.
 */
export async function judge(
  url: string,
  clients: readonly FaultProxyClient[],
  deadlineMs = 30_000,
): Promise<Verdict> {
  const faults: string[] = [];
  const wait = async (what: string, look: () => boolean) => {
    await eventually(what, look, deadlineMs).catch(({ message }: Error) => faults.push(message));
  };
  for (const client of clients) {
    await wait(`${client.name}: answers to ${client.unsettled} publishes`, () => {
      return client.unsettled === 0;
    });
  }
  const logs = new Map<string, Kept[]>();
  for (const room of new Set(clients.flatMap(({ heard }) => [...heard.keys()]))) {
    logs.set(room, await readLog(url, room));
  }
  let delivered = 0;
  for (const { reading, kept } of readings(clients, logs)) {
    const end = toOffset(kept.at(-1)?.position);
    await wait(`${reading.log.name} to the end, ${end}`, () => (reading.log.offset ?? 0) >= end);
    faults.push(...compareReading(reading, kept));
    delivered += reading.log.received;
  }
  for (const client of clients) {
    faults.push(
      ...comparePublishes(client, logs),
      ...client.errors.map((e) => `${client.name}: ${e}`),
    );
  }
  const published = clients.reduce((sum, { publishes }) => sum + publishes.length, 0);
  const stored = [...logs.values()].reduce((sum, { length }) => sum + length, 0);
  if (stored !== published) faults.push(`${published} published, ${stored} stored`);
  return { published, delivered, faults };
}

function* readings(clients: readonly FaultProxyClient[], logs: ReadonlyMap<string, Kept[]>) {
  for (const client of clients) {
    for (const all of [client.heard, client.iterated]) {
      for (const [room, reading] of all) yield { reading, kept: logs.get(room) ?? [] };
    }
  }
}

/** All that is kept, in order, once, without a gap: nothing of these logs was ever removed. */
function compareReading({ log, contents }: Reading, kept: readonly Kept[]): string[] {
  const faults: string[] = [];
  if (log.failure !== null) faults.push(log.failure.message);
  if (log.gaps.length > 0) faults.push(`${log.name}: ${log.gaps.length} gaps in a whole log`);
  const wrong = kept.findIndex(({ content }, index) => content !== contents[index]);
  if (wrong >= 0 || contents.length !== kept.length) {
    const found = `"${contents[wrong]}" for "${kept[wrong]?.content}" at ${wrong}`;
    faults.push(`${log.name}: ${contents.length} of ${kept.length}, ${found}`);
  }
  return faults;
}

/** Each stored once, where its promise said, and in the order in which they were published. */
function comparePublishes(
  { name, publishes }: FaultProxyClient,
  logs: ReadonlyMap<string, readonly Kept[]>,
): string[] {
  const faults: string[] = [];
  for (const [room, kept] of logs) {
    const places = Map.groupBy(kept, ({ content }) => content);
    let previous = 0;
    for (const { content, position, failure } of publishes.filter((each) => each.room === room)) {
      const found = places.get(content) ?? [];
      if (failure !== null) faults.push(`${name}: "${content}" failed: ${failure}`);
      else if (found.length !== 1)
        faults.push(`${name}: "${content}" is stored ${found.length} times`);
      else if (found[0]?.position !== position) {
        faults.push(`${name}: "${content}" is at ${found[0]?.position}, not ${position}`);
      }
      const offset = toOffset(found[0]?.position);
      if (offset < previous)
        faults.push(`${name}: "${content}" is stored before what came before it`);
      previous = Math.max(previous, offset);
    }
  }
  return faults;
}

function toOffset(position: string | undefined): number {
  return position === undefined ? 0 : (parsePosition(position)?.offset ?? 0);
}
