/** The workers of one server: started, replaced when they die, renewed one by one, sent away. */

import type { Log } from "../telemetry/log.ts";
import type { MeterSnapshots } from "../telemetry/meter-sum.ts";
import { reasonOf } from "./ending.ts";
import type { WorkerListening } from "./worker-message.ts";
import { WorkerMeters } from "./worker-meters.ts";
import {
  describeEnd,
  type WorkerEnd,
  type WorkerProcess,
  WorkerRefusal,
} from "./worker-process.ts";
import { type WorkerWatchOptions, watchWorker } from "./worker-watch.ts";

/** Whoever stops a service may send all of its processes a signal, this one a little later. */
export const togetherMs = 100;
/** Who has listened for so long did not die "at once". */
const settledMs = 10_000;
const restartMsMin = 250;
const restartMsMax = 30_000;

export interface WorkersOptions extends WorkerWatchOptions {
  readonly count: number;
  /** Milliseconds after which a worker that was told to leave is killed. */
  readonly leaveMsMax: number;
  readonly log: Pick<Log, "info" | "warn" | "error">;
  /** Starts a process in the place with that number; `port` is null for the very first. */
  spawn(worker: number, port: number | null, gather: () => Promise<MeterSnapshots>): WorkerProcess;
}

/** One of the places, which processes take one after the other. */
interface Place {
  readonly worker: number;
  current: WorkerProcess | null;
  /** Processes that died at once, in a row. */
  failures: number;
}

/** Starts once, and stops once. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #places: readonly Place[];
  readonly #processes = new Set<WorkerProcess>();
  readonly #meters = new WorkerMeters();
  #port: number | null = null;
  #isStarted = false;
  #isStopping = false;
  #rolling: Promise<void> | null = null;
  #mustRollAgain = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, (_, index) => {
      return { worker: index + 1, current: null, failures: 0 };
    });
  }

  /**
   * Starts the first, which claims the port, then the others. Resolves when all listen.
   * @throws WorkerRefusal when one of them does not; then none is left
   */
  async start(): Promise<WorkerListening> {
    const [first, ...others] = this.#places;
    if (first === undefined) throw new Error("There is no place for a worker.");
    try {
      const listening = await this.#fill(first).listening;
      this.#port = listening.port;
      await Promise.all(others.map((place) => this.#fill(place).listening));
      this.#isStarted = true;
      return listening;
    } catch (thrown) {
      // Those that listen already leave by themselves where somebody stopped the start.
      if (!this.#isStopping) this.kill();
      await this.#allEnded();
      throw thrown;
    }
  }

  /**
   * Renews all of them, each when the one before is done: the new one listens before the old one
   * leaves. Where a new one does not start, that is the end of it. Asked meanwhile, it does it again.
   */
  roll(): Promise<void> {
    if (this.#rolling !== null) this.#mustRollAgain = true;
    this.#rolling ??= this.#rollAll().finally(() => {
      this.#rolling = null;
    });
    return this.#rolling;
  }

  /** Sends all away. @throws Error naming the first that did not end with 0 */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const unready = [...this.#processes].filter(({ listeningMs }) => listeningMs === null);
    const leaving = [...this.#processes].map(async (each) => {
      return { each, end: await this.#sendAway(each, false) };
    });
    // All of them first: whoever stops this one ends what is left then.
    for (const { each, end } of await Promise.all(leaving)) {
      if (end.code === 0 || unready.includes(each)) continue;
      throw new Error(`worker ${each.role.worker} ended: ${describeEnd(end)}.`);
    }
  }

  /** Ends all at once. */
  kill(): void {
    this.#isStopping = true;
    for (const each of this.#processes) each.kill();
  }

  #start(place: Place): WorkerProcess {
    if (this.#isStopping) throw new Error("No worker starts any more: all are sent away.");
    const { spawn } = this.#options;
    const started = spawn(place.worker, this.#port, () => this.#meters.gather(this.#processes));
    this.#processes.add(started);
    const stopWatching = watchWorker(started, this.#options);
    void started.asked.then(() => this.#relieve(started));
    void started.ended.then((end) => {
      stopWatching();
      this.#processes.delete(started);
      this.#meters.keep(started);
      if (place.current !== started) return;
      place.current = null;
      const isStart = !this.#isStarted && started.listeningMs === null;
      if (isStart || this.#isStopping) return; // then whoever starts or stops it hears of it
      this.#mourn(place, started, end);
      this.#refill(place);
    });
    return started;
  }

  #fill(place: Place): WorkerProcess {
    const started = this.#start(place);
    place.current = started;
    return started;
  }

  /** Says how a process ended that should have stayed. */
  #mourn(place: Place, { listeningMs, reason, pid }: WorkerProcess, end: WorkerEnd): void {
    place.failures = (listeningMs ?? 0) >= settledMs ? 0 : place.failures + 1;
    const { worker } = place;
    const restartMs = toRestartMs(place);
    const text = `Worker ${worker} ended: ${describeEnd(end)}; another takes its place.`;
    const why = reason === null ? "" : ` ${reason}`;
    this.#options.log.error({ worker, pid, restartMs }, `${text}${why}`);
  }

  /** Puts another process into an empty place; later each time one there ends at once. */
  #refill(place: Place): void {
    const { log } = this.#options;
    const { worker } = place;
    setTimeout(() => {
      if (this.#isStopping || place.current !== null) return;
      try {
        const { pid, listening } = this.#fill(place);
        const tell = () => log.info({ worker, pid }, `Worker ${worker} is back.`);
        listening.then(tell, () => {}); // why it does not listen is told at its end
      } catch (thrown) {
        log.error({ worker }, `Worker ${worker} cannot be started: ${reasonOf(thrown)}`);
        place.failures += 1;
        this.#refill(place);
      }
    }, toRestartMs(place));
  }

  async #rollAll(): Promise<void> {
    do {
      this.#mustRollAgain = false;
      await this.#rollOnce();
    } while (this.#mustRollAgain);
  }

  async #rollOnce(): Promise<void> {
    const { log, count } = this.#options;
    if (this.#isStopping) return;
    const startedAt = performance.now();
    log.info({ workers: count }, "Rolling: each worker is replaced by a new one.");
    for (const place of this.#places) {
      try {
        await this.#renew(place);
      } catch (thrown) {
        const { worker } = place;
        const text =
          `Rolling ended: a new worker ${worker} did not start, so the workers that have not ` +
          `been replaced stay as they are. ${reasonOf(thrown)}`;
        if (!this.#isStopping) log.error({ worker }, text);
        return;
      }
      if (this.#isStopping) return;
    }
    const ms = Math.round(performance.now() - startedAt);
    log.info({ workers: count, ms }, "Rolled: all workers are new.");
  }

  async #renew(place: Place): Promise<void> {
    const next = this.#start(place);
    await next.listening;
    const old = place.current; // perhaps not the one from before: it may have died meanwhile
    place.current = next;
    place.failures = 0;
    if (old !== null) await this.#sendAway(old, true);
  }

  /** Renews one that a signal asked to end. */
  async #relieve(asked: WorkerProcess): Promise<void> {
    await Bun.sleep(togetherMs);
    const place = this.#places.find(({ current }) => current === asked);
    if (this.#isStopping || place === undefined) return; // then it was told how already
    const [{ log }, { worker }, { pid }] = [this.#options, place, asked];
    try {
      log.info({ worker, pid }, `Worker ${worker} was sent a SIGTERM; another takes its place.`);
      await this.#renew(place);
    } catch (thrown) {
      const text = `No other worker ${worker} starts before it leaves. ${reasonOf(thrown)}`;
      if (!this.#isStopping) log.error({ worker, pid }, text);
      asked.leave(false);
    }
  }

  async #sendAway(process: WorkerProcess, isReplaced: boolean): Promise<WorkerEnd> {
    const { leaveMsMax, log } = this.#options;
    const { worker } = process.role;
    process.leave(isReplaced);
    const timer = setTimeout(() => {
      log.error(
        { worker, pid: process.pid },
        `Worker ${worker} did not end in time: it is killed.`,
      );
      process.kill();
    }, leaveMsMax);
    return await process.ended.finally(() => clearTimeout(timer));
  }

  async #allEnded(): Promise<void> {
    await Promise.all([...this.#processes].map(({ ended }) => ended));
  }
}

function toRestartMs({ failures }: Place): number {
  return failures === 0 ? 0 : Math.min(restartMsMax, restartMsMin * 2 ** (failures - 1));
}

/** The exit code that goes with why the workers did not start. */
export function exitCodeOf(thrown: unknown): number {
  return thrown instanceof WorkerRefusal ? thrown.code : 1;
}
