/** Open files on both sides, and whether the server sees who its clients are. */

import { readFile } from "node:fs/promises";
import { isLoopback } from "../config-value.ts";
import type { Notes } from "./doctor-finding.ts";
import { Probe } from "./doctor-probe.ts";
import { toProtocols } from "./doctor-socket.ts";
import { answerMs, readText, type Visit } from "./doctor-visit.ts";

/** What a shell gives where nobody raised it: enough for a thousand people. */
const filesFew = 1_024;
const shareMax = 0.8;

export async function checkLimits(visit: Visit, notes: Notes): Promise<void> {
  await noteOwnFiles(notes);
  await checkMeters(visit, notes);
  await checkAddress(visit, notes);
}

/** Bun raises the soft limit to the hard one as it starts, so that this is what there is. */
async function noteOwnFiles(notes: Notes): Promise<void> {
  const table = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const max = /^Max open files +(\d+)/m.exec(table)?.[1];
  if (max === undefined) {
    notes.skip("open files here", "this system does not tell; ulimit -n does");
    return;
  }
  const openFilesMax = Number(max);
  const seen = `${openFilesMax.toLocaleString("en")}, which bounds partyline bench`;
  if (openFilesMax > filesFew) notes.ok("open files here", seen, { openFilesMax });
  else notes.warn("open files here", seen, "Raise it with ulimit -n 65536.", { openFilesMax });
}

async function checkMeters(visit: Visit, notes: Notes): Promise<void> {
  const { front } = visit.learned;
  const answer = await visit.ask("/metrics");
  const text = await readText(answer);
  const open = readMeter(text, "process_open_fds");
  const max = readMeter(text, "process_max_fds");
  if (!answer.ok || open === undefined || max === undefined) {
    const why = answer.status === 404 && front !== undefined ? `${front} keeps it` : answer.status;
    notes.skip("open files there", `/metrics is not for you (${why})`);
    return;
  }
  noteFiles(open, max, notes);
  if (visit.options.token === undefined && !isLoopback(visit.host)) {
    const advice =
      "Keep the world from it in the proxy (nginx: location = /metrics { return 404; }).";
    notes.warn("/metrics", "anybody may read it", advice);
  }
}

function noteFiles(open: number, max: number, notes: Notes): void {
  const numbers = { open, max };
  const room = Math.floor(max * 0.875).toLocaleString("en");
  const share = `${open.toLocaleString("en")} of ${max.toLocaleString("en")} in use`;
  const seen = `${share}, room for ${room} connections unless connections-max says otherwise`;
  const advice = "Raise LimitNOFILE of its service, or ulimit -n before it starts.";
  if (open > max * shareMax || max <= filesFew)
    notes.warn("open files there", seen, advice, numbers);
  else notes.ok("open files there", seen, numbers);
}

function readMeter(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name} (\\d+)`, "m").exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Only an administrator is told of addresses; behind a NAT nobody here knows the right one. */
async function checkAddress(visit: Visit, notes: Notes): Promise<void> {
  const { localAddress } = visit.learned;
  if (visit.learned.welcome === undefined) {
    notes.skip("your address", "no WebSocket of this program is welcome");
    return;
  }
  using probe = new Probe(visit, "/ws", toProtocols(visit.options.token));
  const welcome = await probe.find(({ type }) => type === "welcome", answerMs);
  const seen = welcome && (await findAddress(visit, String(welcome.connection)));
  if (seen === undefined) {
    notes.skip("your address", "only an administrator is told what the server sees");
  } else if (isLoopback(seen) && !isLoopback(visit.host)) {
    const advice =
      "Set trust-proxy to the proxy's address, and let that set X-Forwarded-For: " +
      "else all clients share the limits of one.";
    notes.fail("your address", `the server sees ${seen}, which is its own machine`, advice);
  } else if (localAddress !== undefined && isSame(seen, localAddress)) {
    notes.ok("your address", `the server sees ${seen}, as it is`);
  } else {
    notes.skip("your address", `the server sees ${seen}; here it is ${localAddress ?? "unknown"}`);
  }
}

async function findAddress(visit: Visit, connection: string): Promise<string | undefined> {
  const answer = await visit.ask("/admin/connections?limit=500");
  if (!answer.ok) {
    await answer.body?.cancel();
    return undefined;
  }
  const { connections } = Object(JSON.parse(await readText(answer)));
  if (!Array.isArray(connections)) return undefined;
  const own = connections.map(Object).find((each) => each.connection === connection);
  return typeof own?.address === "string" ? own.address : undefined;
}

/** An IPv4 address may be written as one of IPv6. */
function isSame(left: string, right: string): boolean {
  const plain = (text: string) => text.replace(/^::ffff:/, "");
  return plain(left) === plain(right);
}
