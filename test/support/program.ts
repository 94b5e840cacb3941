/** Runs Partyline as its users do: as a process of its own, from source or from an executable. */

import { resolve } from "node:path";

/** How to start Partyline from source. */
export const fromSource: readonly string[] = [
  process.execPath,
  resolve(import.meta.dir, "../../src/main.ts"),
];

/** What a process that ended left behind. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A server in a process of its own. It is killed at the end of a `using` block if it still runs. */
export interface RunningProgram extends Disposable {
  /** Where it listens, as its greeting says. */
  readonly url: string;
  /** All of its greeting. */
  readonly greeting: string;
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** What it has said on its standard error so far. */
  readonly err: string;
  /** Sends a signal, if one is named, and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Outcome>;
}

/** The variables that the tests' own environment must not bring along. */
const bare: Readonly<Record<string, string>> = { HOME: "/nonexistent" };

/** Runs a program to its end. `environment` is all that it gets. */
export async function runProgram(
  command: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>> = bare,
): Promise<Outcome> {
  const child = spawn(command, folder, environment);
  const [code, out, err] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, out, err };
}

/** Starts a server and waits for its greeting. @throws when it ends before that */
export async function startProgram(
  command: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>> = bare,
): Promise<RunningProgram> {
  const child = spawn(command, folder, environment);
  let err = "";
  const complaints = collect(child.stderr, (text) => {
    err += text;
  });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let greeting = "";
  while (!/\/messages\n/.test(greeting)) {
    const { done, value } = await reader.read();
    if (done)
      throw new Error(
        `It ended (${await child.exited}): ${greeting}${await complaints.then(() => err)}`,
      );
    greeting += value;
  }
  const url = /listens on (\S+)/.exec(greeting)?.[1];
  if (url === undefined) throw new Error(`No address in: ${greeting}`);
  return {
    url,
    greeting,
    process: child,
    get err() {
      return err;
    },
    async end(signal) {
      if (signal !== undefined) child.kill(signal);
      const code = await child.exited;
      await complaints;
      return { code, out: greeting, err };
    },
    [Symbol.dispose]: () => child.kill("SIGKILL"),
  };
}

/** Takes what comes, piece by piece, until its end. */
export async function collect(
  stream: ReadableStream<Uint8Array>,
  take: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const piece of stream) take(decoder.decode(piece, { stream: true }));
}

function spawn(
  command: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>>,
): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  return Bun.spawn([...command], {
    cwd: folder,
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}
