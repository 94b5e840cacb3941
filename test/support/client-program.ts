/** A command of a client as a process, with pipes: what comes out of it, and what goes in. */

import { fromSource, type Outcome } from "./program.ts";

/** A command that runs. It is killed at the end of a `using` block if it still does. */
export class ClientProgram implements Disposable {
  readonly process: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #done: Promise<unknown>;
  /** What it wrote so far. */
  out = "";
  err = "";

  /** Starts `partyline` with arguments, for the server at `url`. */
  constructor(url: string, given: readonly string[], environment: Record<string, string> = {}) {
    this.process = Bun.spawn([...fromSource, ...given], {
      env: { HOME: "/nonexistent", TZ: "UTC", PARTYLINE_URL: url, ...environment },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const { stdout, stderr } = this.process;
    this.#done = Promise.all([
      collect(stdout, (text) => {
        this.out += text;
      }),
      collect(stderr, (text) => {
        this.err += text;
      }),
    ]);
  }

  /** The lines of standard output that are whole. */
  get lines(): string[] {
    return this.out.split("\n").slice(0, -1);
  }

  /** Sends a signal, if one is named, and waits for the end. */
  async end(signal?: NodeJS.Signals): Promise<Outcome> {
    if (signal !== undefined) this.process.kill(signal);
    const code = await this.process.exited;
    await this.#done;
    return { code, out: this.out, err: this.err };
  }

  [Symbol.dispose](): void {
    this.process.kill("SIGKILL");
  }
}

/** Runs a command to its end, with `input` on its standard input. */
export async function runClientProgram(
  url: string,
  given: readonly string[],
  input: string | Uint8Array = "",
  environment: Record<string, string> = {},
): Promise<Outcome> {
  using program = new ClientProgram(url, given, environment);
  const { stdin } = program.process;
  stdin.write(input);
  await stdin.end();
  return await program.end();
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  take: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const piece of stream) take(decoder.decode(piece, { stream: true }));
}
