/** Ends a worker that hangs: the kernel would go on giving it a part of all connections. */

import type { Log } from "../telemetry/log.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Milliseconds in which a new worker must listen. */
const startMsMax = 60_000;
/** Beats in a row that a worker may leave unanswered. */
const unansweredMax = 2;

/** Whom to watch, and how. */
export interface WorkerWatchOptions {
  /** Milliseconds between two beats; when the third was not answered either, that is the end of it. */
  readonly beatMs: number;
  readonly log: Pick<Log, "error">;
}

/**
 * Kills the process when it does not listen in time, and when it does not answer any more. Returns what
 * ends the watch.
 */
export function watchWorker(process: WorkerProcess, options: WorkerWatchOptions): () => void {
  const { beatMs, log } = options;
  const { worker } = process.role;
  const kill = (reason: string) => {
    log.error({ worker, pid: process.pid }, `Worker ${worker} ${reason}: it is killed.`);
    process.kill();
  };
  const start = setTimeout(() => {
    if (process.listeningMs === null) kill(`does not listen after ${startMsMax / 1_000} s`);
  }, startMsMax);
  // Counted, not timed: when this process itself could not run for a while, nobody dies of it.
  const beat = setInterval(() => {
    if (process.listeningMs === null) return;
    if (process.unanswered <= unansweredMax) return process.beat();
    clearInterval(beat);
    kill(`has not answered for ${(process.unanswered * beatMs) / 1_000} s`);
  }, beatMs);
  return () => {
    clearTimeout(start);
    clearInterval(beat);
  };
}
