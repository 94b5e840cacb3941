/** `partyline serve --workers`: the process that was started, which serves nobody itself. */

import type { Effective } from "../config.ts";
import { createProcessLog } from "../telemetry/log.ts";
import { version } from "../version.ts";
import { endOnSignal, reasonOf } from "./ending.ts";
import { greet } from "./greeting.ts";
import type { Terminal } from "./terminal.ts";
import type { WorkerListening } from "./worker-message.ts";
import { WorkerProcess } from "./worker-process.ts";
import { exitCodeOf, Workers } from "./workers.ts";

/** What a worker may take to end beyond its drain, in milliseconds. */
const closingMsMax = 10_000;
/** A worker that hangs is noticed after thrice that. */
const beatMs = 10_000;
/** Different warnings that workers may have; they are of what is configured, and so few. */
const warningsMax = 100;

/**
 * Starts the workers, keeps them alive, renews them at SIGHUP, and sends them away at a signal to end.
 * It opens neither the log of messages nor a port, so that next to nothing can go wrong in it.
 * Resolves to the exit code: that of a worker that did not start, and as for one process otherwise.
 */
export async function supervise(effective: Effective, terminal: Terminal): Promise<number> {
  const { config } = effective;
  const log = createProcessLog(config);
  terminal.onDefect((defect) => log.error({ err: defect }, "A defect that nobody caught."));
  const { host, port, workers: count, drainDelayMs, drainTimeoutMs } = config;
  const fixed = { host, port, workers: count };
  const warned = new Set<string>();
  const warn = (sentence: string) => {
    if (warned.has(sentence) || warned.size >= warningsMax) return;
    warned.add(sentence);
    log.warn({}, sentence);
  };
  const workers = new Workers({
    ...{ count, log, beatMs },
    leaveMsMax: drainDelayMs + drainTimeoutMs + closingMsMax,
    spawn: (worker, port, gather) => {
      const { command, environment } = terminal;
      const role = { worker, port, fixed };
      return new WorkerProcess({ command, environment, gather, warn, role });
    },
  });
  // Who looks at a terminal sees the greeting and the prompt; in a log a start and a stop are lines.
  const note = terminal.isWatched === true ? () => {} : log.info;
  let isEnding = false;
  const stop = async () => {
    isEnding = true;
    const startedAt = performance.now();
    note({}, "Stopping.");
    await workers.stop();
    note({ ms: Math.round(performance.now() - startedAt) }, "Stopped.");
  };
  // From now on, since signals also come while the workers start.
  const ended = endOnSignal(terminal, stop, () => performance.now(), note);
  const starting = workers.start();
  terminal.onHangup(() => {
    starting.then(
      () => workers.roll(),
      () => {}, // of which is told below
    );
  });
  const started = starting.then(
    (listening: WorkerListening) => {
      note({ version, url: listening.url, workers: count }, "Started.");
      terminal.write(greet(effective, listening, terminal.isColored));
      return ended;
    },
    (thrown: unknown) => {
      if (isEnding) return ended;
      terminal.complain(`${reasonOf(thrown)}\n`);
      return exitCodeOf(thrown);
    },
  );
  const code = await Promise.race([started, ended]);
  workers.kill(); // none is left, unless a second signal did not wait
  return code;
}
