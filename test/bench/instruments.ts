/** What a server under test knows of itself: processor time, memory, the lag of its event loop. */

import { readFileSync } from "node:fs";

/** Answers by question. */
export interface Answers {
  /** Microseconds of processor time of all threads since the start. */
  readonly cpu: number;
  /** Bytes of resident memory after collecting garbage. */
  readonly memory: number;
  /** Open descriptors. */
  readonly descriptors: number;
  /** How late a timer of 1 ms came since the last time this was asked. */
  readonly lag: Lag;
}

/** Milliseconds. `heldMax` leaves out for how long the main thread had no processor to run on. */
export interface Lag {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly heldMax: number;
}

export type Question = keyof Answers;

/** What a child sends: its port once it listens, then an answer to each question. */
export interface Report {
  readonly port?: number;
  readonly answers?: Partial<Answers>;
}

const tickMs = 1;
/** Lateness from which it is worth the time to ask the system who is to blame. */
const suspiciousMs = 5;

let lags: number[] = [];
let heldMax = 0;

/** Tells the parent that the server listens, and answers it from now on. */
export function answerFrom(port: number, hasLagMeter: boolean): void {
  if (hasLagMeter) startLagMeter();
  process.on("message", (question: Question) => {
    void answer(question).then((answers) => process.send?.({ answers } satisfies Report));
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ port } satisfies Report);
}

async function answer(question: Question): Promise<Partial<Answers>> {
  switch (question) {
    case "cpu": {
      const { user, system } = process.cpuUsage();
      return { cpu: user + system };
    }
    case "memory":
      return { memory: await settledMemory() };
    case "descriptors":
      return {
        descriptors: [...new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false })]
          .length,
      };
    case "lag":
      return { lag: takeLag() };
    default:
      return question satisfies never;
  }
}

/** The least of several looks: what a collection frees goes back to the system a little later. */
async function settledMemory(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 5; look += 1) {
    Bun.gc(true);
    await Bun.sleep(100);
    least = Math.min(least, process.memoryUsage.rss());
  }
  return least;
}

function startLagMeter(): void {
  let before = performance.now();
  let waitedBefore = waitedMs();
  let stolenBefore = stolenMs();
  setInterval(() => {
    const late = Math.max(0, performance.now() - before - tickMs);
    const waited = waitedMs();
    lags.push(late);
    if (late > suspiciousMs) {
      const stolen = stolenMs();
      heldMax = Math.max(heldMax, late - (waited - waitedBefore) - (stolen - stolenBefore));
      stolenBefore = stolen;
    } else if (lags.length % 16 === 0) {
      stolenBefore = stolenMs(); // it takes too long to look each time
    }
    waitedBefore = waited;
    before = performance.now();
  }, tickMs);
}

/** Milliseconds for which the main thread was ready to run while others had the processor. */
function waitedMs(): number {
  const path = `/proc/self/task/${process.pid}/schedstat`;
  return Number(readFileSync(path, "latin1").split(" ")[1]) / 1e6;
}

/** Milliseconds for which other machines on the same host had this one's processors. */
function stolenMs(): number {
  const ticks = Number(readFileSync("/proc/stat", "latin1").split("\n", 1)[0]?.split(/ +/)[8]);
  return ticks * 10;
}

function takeLag(): Lag {
  const sorted = lags.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
  const lag = { p50: at(0.5), p99: at(0.99), max: at(1), heldMax };
  lags = [];
  heldMax = 0;
  return lag;
}
