/** Fan-out to 1,000 SSE subscribers of one room, against the fastest push stream of bare Bun. */

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { type Child, startChild } from "./child.ts";
import { assemble, describeBurst, measureRate, room } from "./contestant.ts";
import { openStream } from "./raw-stream.ts";
import { count, type Finding, median, present, times } from "./report.ts";

const rounds = 7;
const ratioMin = 0.8;

/** Compares deliveries per second of processor time with bare Bun's, round by round. */
export async function sse(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  using oursChild = await startChild("partyline-server.ts", {
    config: { data: folder.path, durability: "memory" },
  });
  const ours = await follow(oursChild, `/rooms/${room}/events`);
  const frameBytes = await measureEvent(oursChild);
  using directChild = await startChild("bare-server.ts", { frameBytes, stream: "direct" });
  using defaultChild = await startChild("bare-server.ts", { frameBytes, stream: "default" });
  const direct = await follow(directChild, "/events");
  const enqueued = await follow(defaultChild, "/events");
  const findings: Finding[] = [];
  for (const burst of [1, 10]) {
    const ratios: number[] = [];
    const bareRates: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const directRate = await measureRate(direct, burst);
      const best = Math.max(directRate, await measureRate(enqueued, burst));
      bareRates.push(best);
      ratios.push((await measureRate(ours, burst)) / best);
    }
    const ratio = median(ratios);
    findings.push({
      what: `SSE fan-out, ${describeBurst(burst)}`,
      target: `≥ ${times(ratioMin)} of bare`,
      measured: `${times(ratio)} of ${count(median(bareRates))} deliveries/CPU s`,
      isMet: ratio >= ratioMin,
    });
  }
  return findings;
}

function follow(child: Child, path: string) {
  return assemble(child, (tally) => openStream(child.port, path, tally));
}

/** The bytes of a message's event, so that bare Bun sends as much. */
async function measureEvent({ port }: Child): Promise<number> {
  const stream = await fetch(`http://127.0.0.1:${port}/rooms/${room}/events?since=start`);
  let text = "";
  for await (const bytes of stream.body ?? []) {
    text += new TextDecoder().decode(bytes);
    const event = /id: \S+\ndata: \{.*\}\n\n/.exec(text)?.[0];
    if (event !== undefined) return event.length;
  }
  throw new Error("The stream ended.");
}

if (import.meta.main) await present([sse]);
