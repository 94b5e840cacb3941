/** `slowhttptest`: slow heads, slow bodies and slow readers each end within the configured bounds. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Subject, startSubject } from "./subject.ts";
import type { Check, Suite } from "./suite.ts";

const connections = 50;
/** Short, so that a run takes seconds; the defaults are 30 s and 120 s. */
const bounds = ["--body-within", "8s", "--idle-timeout", "8s"];
/** Bun looks at time-outs every 4 s; the rest is for a busy machine. */
const graceMs = 15_000;
/** Somebody else's request during the attack: below all bounds, so that it waited for none to end. */
const otherAnswerMsMax = 6_000;
const readBytes = 16 * 1_048_576;

/** A way to be slow, and the milliseconds after which the server must hold none of the connections. */
interface Attack {
  readonly name: string;
  readonly boundMs: number;
  readonly path: string;
  readonly flags: readonly string[];
}

const attacks: readonly Attack[] = [
  {
    name: "slow heads end within 10 s",
    boundMs: 10_000, // Bun's own, for the first head of a connection
    path: "/",
    flags: ["-H", "-i", "2"],
  },
  {
    name: "slow bodies end within body-within",
    boundMs: 8_000,
    path: "/rooms/slow/messages",
    flags: ["-B", "-i", "1", "-s", "8192", "-f", "text/plain"],
  },
  {
    name: "slow readers end within idle-timeout",
    boundMs: 8_000,
    path: "/files/big.bin",
    flags: ["-X", "-n", "1", "-w", "1024", "-y", "2048", "-z", "64", "-k", "1"],
  },
];

export const slowClients: Suite = {
  name: "slowhttptest",
  needs: ["slowhttptest"],
  known: {},
  async run() {
    const found = await Promise.all(attacks.map(attack));
    return found.flat();
  },
};

async function attack({ name, boundMs, path, flags }: Attack): Promise<Check[]> {
  using subject = await startSubject(...bounds);
  await Bun.write(join(subject.folder, "data", "files", "big.bin"), new Uint8Array(readBytes));
  const many = ["-c", String(connections), "-r", String(connections), "-l", "60", "-p", "5"];
  const client = Bun.spawn(
    ["slowhttptest", ...flags, ...many, "-u", `${subject.url}${path}`, "-v", "0"],
    { cwd: subject.folder, stdio: ["ignore", "ignore", "ignore"] },
  );
  try {
    return await watch(subject, name, boundMs);
  } finally {
    client.kill("SIGKILL");
    await client.exited;
  }
}

/** Counts what the server holds until it holds nothing of the attack, or too late. */
async function watch({ port, url }: Subject, name: string, boundMs: number): Promise<Check[]> {
  let most = 0;
  let slowestMs = 0;
  let startedAt = 0;
  const deadline = performance.now() + boundMs + graceMs + 10_000;
  while (performance.now() < deadline) {
    const held = countHeld(port);
    most = Math.max(most, held);
    if (startedAt === 0 && held >= connections) startedAt = performance.now();
    if (startedAt > 0 && held === 0) break;
    const askedAt = performance.now();
    const answer = await fetch(`${url}/livez`, { keepalive: false });
    await answer.text();
    slowestMs = Math.max(slowestMs, performance.now() - askedAt);
    await Bun.sleep(250);
  }
  const tookMs = startedAt === 0 ? Number.POSITIVE_INFINITY : performance.now() - startedAt;
  const left = countHeld(port);
  const isFine = left === 0 && tookMs <= boundMs + graceMs;
  const seen = `of ${most} connections ${left} were left after ${Math.round(tookMs / 1_000)} s`;
  return [
    { name, failure: isFine ? null : seen },
    {
      name: `others are answered meanwhile (${name})`,
      failure: slowestMs <= otherAnswerMsMax ? null : `one waited ${Math.round(slowestMs)} ms`,
    },
  ];
}

/**
 * Connections that the server's process has open. The kernel goes on delivering what it took of those
 * that the process closed; they belong to nobody any more, and have no inode.
 */
function countHeld(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const established = "01";
  let held = 0;
  for (const line of readFileSync("/proc/net/tcp", "latin1").trim().split("\n").slice(1)) {
    const [, address = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    if (address.endsWith(local) && state === established && inode !== "0") held += 1;
  }
  return held;
}
