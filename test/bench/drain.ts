/** A rolling restart under load: 5,000 clients are sent away and come back while others publish. */

import { eventually } from "../support/poll.ts";
import { fromSource, startProgram } from "../support/program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { count, type Finding, present, times } from "./report.ts";
import { createJournal, type Journal, ReturningReader } from "./returning-reader.ts";
import { SteadyPublisher } from "./steady-publisher.ts";

const sockets = 4_500;
const streams = 500;
const roomsMax = 20;
const windowMs = 10_000;
const bucketMs = 500;
const spikeMax = 2;
const restarts = 2;
const publishesPerSecond = 100;
const options = [
  ...["--drain-window", `${windowMs}ms`, "--log-level", "warn"],
  ...["--connections-per-address", "0", "--rooms-per-hour", "0", "--messages-per-second", "0"],
];
const roomAt = (index: number) => `room-${index % roomsMax}`;

/** Stops and starts a server twice, and looks whether anybody lost anything. */
export async function drain(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  const start = (port: number) => {
    return startProgram([...fromSource, "serve", "--port", `${port}`, ...options], folder.path);
  };
  let program = await start(0);
  const { url } = program;
  const port = Number(new URL(url).port);
  const journal = createJournal();
  const readers = Array.from({ length: sockets + streams }, (_, index) => {
    return new ReturningReader(port, roomAt(index), index >= sockets, journal);
  });
  for (let first = 0; first < readers.length; first += 250) {
    const batch = readers.slice(first, first + 250);
    for (const reader of batch) reader.open();
    await eventually("a batch of readers", () => batch.every(({ isIn }) => isIn), 30_000);
  }
  const rooms = Array.from({ length: roomsMax }, (_, index) => roomAt(index));
  const publisher = new SteadyPublisher(port, rooms, publishesPerSecond);
  await publisher.start();
  const findings: Finding[] = [];
  try {
    for (let round = 1; round <= restarts; round += 1) {
      await Bun.sleep(2_000);
      journal.attempts.length = 0;
      journal.returns.length = 0;
      const leftAt = performance.now();
      const { code } = await program.end("SIGTERM");
      const goneMs = performance.now() - leftAt;
      program = await start(port);
      const downMs = performance.now() - leftAt;
      await eventually("all readers", () => readers.every(({ isIn }) => isIn), 60_000);
      findings.push(...describe(round, code, goneMs, downMs, leftAt, journal));
    }
    await publisher.stop();
    findings.push(...(await compare(url, publisher, readers, journal)));
  } finally {
    for (const reader of readers) reader.close();
    program[Symbol.dispose]();
  }
  return findings;
}

function describe(
  round: number,
  code: number | null,
  goneMs: number,
  downMs: number,
  leftAt: number,
  { attempts, returns }: Journal,
): Finding[] {
  const took = Math.max(...returns) - leftAt;
  const found = (what: string, target: string, measured: string, isMet: boolean | null) => {
    return { what: `restart ${round}: ${what}`, target, measured, isMet };
  };
  const spike = measureSpike(attempts, leftAt);
  const inRooms = measureSpike(returns, leftAt); // a machine that stalls for a second shows here
  return [
    found("exit code of the server that left", "0", String(code), code === 0),
    found("gone / serving again", "", `${goneMs.toFixed(0)} / ${downMs.toFixed(0)} ms`, null),
    found(
      "back in their rooms",
      `${count(sockets + streams)}`,
      `${count(returns.length)} within ${(took / 1_000).toFixed(1)} s, ${count(attempts.length)} tries`,
      returns.length === sockets + streams,
    ),
    found(
      "tries in the busiest half second, to the average",
      `≤ ${times(spikeMax)}`,
      `${times(spike)} (in their rooms: ${times(inRooms)})`,
      spike <= spikeMax,
    ),
  ];
}

/** The most in one bucket of time, to the average over the window. */
function measureSpike(moments: readonly number[], leftAt: number): number {
  const buckets = new Map<number, number>();
  for (const at of moments) {
    const bucket = Math.floor((at - leftAt) / bucketMs);
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
  }
  return Math.max(...buckets.values()) / ((moments.length * bucketMs) / windowMs);
}

/** Compares what was acknowledged with what is stored, and what is stored with what readers have. */
async function compare(
  url: string,
  publisher: SteadyPublisher,
  readers: readonly ReturningReader[],
  journal: Journal,
): Promise<Finding[]> {
  const { faults } = journal;
  const stored = new Map<string, string[]>();
  const newest = new Map<string, number>();
  for (let index = 0; index < roomsMax; index += 1) {
    let since = "start";
    for (let more = true; more; ) {
      const path = `/rooms/${roomAt(index)}/messages?since=${since}&limit=500`;
      const page = await (await fetch(`${url}${path}`)).json();
      for (const { id, position } of page.messages) {
        stored.set(id, [...(stored.get(id) ?? []), position]);
      }
      since = page.position;
      more = page.more;
    }
    newest.set(roomAt(index), Number(since.split(":")[1]));
  }
  let lost = 0;
  let double = 0;
  for (const [id, position] of publisher.acknowledged) {
    const positions = stored.get(id) ?? [];
    if (!positions.includes(position)) lost += 1;
    if (positions.length > 1) double += 1;
  }
  const isWhole = () => readers.every(({ offset }, index) => offset === newest.get(roomAt(index)));
  const areWhole = await eventually("all readers to have everything", isWhole).catch(() => false);
  for (const fault of faults.slice(0, 10)) process.stderr.write(`  ${fault}\n`);
  return [
    {
      what: "acknowledged and lost / stored twice",
      target: "0 / 0",
      measured: `${lost} / ${double} of ${count(publisher.acknowledged.size)}`,
      isMet: lost + double === 0,
    },
    {
      what: "readers whose log is not whole, or had a gap",
      target: "0",
      measured: `${faults.length}${areWhole ? "" : ", and some lack the end"}`,
      isMet: faults.length === 0 && areWhole === true,
    },
    {
      what: "lines cut without a word",
      target: "0",
      measured: String(journal.cuts),
      isMet: journal.cuts === 0,
    },
  ];
}

if (import.meta.main) await present([drain]);
