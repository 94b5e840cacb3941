/** A server under test, in a process of its own that answers questions about itself. */

import { resolve } from "node:path";
import type { Answers, Question, Report } from "./instruments.ts";

const startMsMax = 20_000;
const answerMsMax = 30_000;

/** Ends with its `using` block, by its own process id. */
export interface Child extends Disposable {
  readonly port: number;
  /** Asks one thing at a time. @throws when the child ends, or does not answer */
  ask<Name extends Question>(question: Name): Promise<Answers[Name]>;
}

/**
 * Starts `test/bench/<entry>` with some options and waits until it listens.
 * @throws when it ends, or does not listen in time
 */
export async function startChild(entry: string, options: object): Promise<Child> {
  let settle = Promise.withResolvers<Report>();
  const path = resolve(import.meta.dir, entry);
  const subprocess = Bun.spawn([process.execPath, path, JSON.stringify(options)], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (report: Report) => settle.resolve(report),
    onExit: (_, code) => settle.reject(new Error(`${entry} ended with ${code}`)),
  });
  const heard = (withinMs: number) => {
    const reject = () => settle.reject(new Error(`${entry} does not answer`));
    const timer = setTimeout(reject, withinMs);
    return settle.promise.finally(() => clearTimeout(timer));
  };
  const { port } = await heard(startMsMax);
  if (port === undefined) throw new Error(`${entry} named no port`);
  return {
    port,
    async ask(question) {
      settle = Promise.withResolvers();
      subprocess.send(question);
      const { answers } = await heard(answerMsMax);
      const answer = answers?.[question];
      if (answer === undefined) throw new Error(`${entry} cannot tell its ${question}`);
      return answer;
    },
    [Symbol.dispose]: () => {
      settle.promise.catch(() => {}); // nobody asks any more
      subprocess.kill("SIGKILL");
    },
  };
}
