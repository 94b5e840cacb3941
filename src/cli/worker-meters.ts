/** The meters of all workers as those of one server. */

import { keepTotals, type MeterSnapshots, sumMeters } from "../telemetry/meter-sum.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Milliseconds in which a worker must tell its meters. */
const answerMsMax = 1_000;

/** Sums what the workers tell, and keeps the totals of those that have ended. */
export class WorkerMeters {
  #ended: MeterSnapshots = [];
  #gathering: Promise<MeterSnapshots> | null = null;

  /**
   * Asks all of them at once. One that does not answer in time counts with the totals that it told
   * last. Those who ask meanwhile get the same answer.
   */
  gather(processes: ReadonlySet<WorkerProcess>): Promise<MeterSnapshots> {
    this.#gathering ??= this.#gather(processes).finally(() => {
      this.#gathering = null;
    });
    return this.#gathering;
  }

  /** Keeps what a process that has ended counted. */
  keep({ meters }: WorkerProcess): void {
    this.#ended = sumMeters([this.#ended, keepTotals(meters)]);
  }

  async #gather(processes: ReadonlySet<WorkerProcess>): Promise<MeterSnapshots> {
    const answered = new Set<WorkerProcess>();
    const asked = [...processes].filter(({ listeningMs }) => listeningMs !== null);
    await Promise.all(
      asked.map(async (each) => {
        if (await each.takeMeters(answerMsMax)) answered.add(each);
      }),
    );
    // Whoever ended meanwhile is not among them any more, but among those that have.
    const told = [...processes].map((each) => {
      return answered.has(each) ? each.meters : keepTotals(each.meters);
    });
    return sumMeters([...told, this.#ended]);
  }
}
