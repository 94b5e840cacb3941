/** A hundred thousand random requests: none may break the server, or stay behind. */

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { startChild } from "./child.ts";
import { createRandom } from "./random-frame.ts";
import { randomRequest } from "./random-request.ts";
import { count, type Finding, present } from "./report.ts";

const requestsMax = 100_000;
const connections = 64;
const rssGrowthMax = 32 * 1_048_576;
/** How long an answer is waited for; what waits for the rest of a body gets none. */
const patienceMs = 100;

/** Twice the same: what the first half leaves behind is warmth, what the second adds is a leak. */
export async function requests(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  const config = { data: folder.path, retention: { messagesMax: 500 }, publishesPerSecond: 0 };
  using child = await startChild("partyline-server.ts", { config });
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const defects = await attack(child.port, seed);
  const descriptorsBefore = await child.ask("descriptors");
  const rssBefore = await child.ask("memory");
  const moreDefects = await attack(child.port, seed + 1);
  const growth = (await child.ask("memory")) - rssBefore;
  const descriptors = (await child.ask("descriptors")) - descriptorsBefore;
  const { status } = await fetch(`http://127.0.0.1:${child.port}/readyz`);
  return [
    {
      what: `${count(requestsMax)} random requests`,
      target: "ready, no 500",
      measured: `${status}, ${defects + moreDefects} of 500 (seed ${seed})`,
      isMet: status === 200 && defects + moreDefects === 0,
    },
    {
      what: "memory left behind by the second half",
      target: `≤ ${rssGrowthMax / 1_048_576} MiB`,
      measured: `${(growth / 1_048_576).toFixed(1)} MiB`,
      isMet: growth <= rssGrowthMax,
    },
    {
      what: "descriptors left behind by the second half",
      target: "0",
      measured: String(descriptors),
      isMet: descriptors <= 0,
    },
  ];
}

/** Sends half of the requests, each on a connection of its own; returns how many met a 500. */
async function attack(port: number, seed: number): Promise<number> {
  let left = requestsMax / 2;
  let defects = 0;
  const sending = Array.from({ length: connections }, async (_, index) => {
    const random = createRandom(seed * 1_000 + index);
    for (; left > 0; left -= 1) {
      if ((await ask(port, randomRequest(random))).startsWith("HTTP/1.1 500")) defects += 1;
    }
  });
  await Promise.all(sending);
  await Bun.sleep(1_000); // sockets that were cut are closed by then
  return defects;
}

/** Resolves to how the answer begins; to nothing when there is none. */
async function ask(port: number, request: Buffer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(""), patienceMs);
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (opened) => void opened.write(request),
      data: (_, bytes) => resolve(bytes.toString("latin1", 0, 16)),
      close: () => resolve(""),
      error: () => resolve(""),
    },
  });
  const answer = await promise;
  clearTimeout(timer);
  socket.terminate();
  return answer;
}

if (import.meta.main) await present([requests]);
