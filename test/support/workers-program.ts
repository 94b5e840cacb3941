/** `serve --workers` as a process of its own, with the processes below it and what it logs. */

import { eventually } from "./poll.ts";
import { collect, fromSource } from "./program.ts";

/** Three processes start one after the other, and on a busy machine each takes seconds. */
const startMsMax = 50_000;

/** A line of the log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly worker?: number;
  readonly pid?: number;
}

/** It is killed with all its workers at the end of a `using` block. */
export class WorkersProgram implements Disposable {
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #read: Promise<unknown>;
  /** All workers that were seen. */
  readonly #seen = new Set<number>();
  out = "";
  err = "";

  constructor(
    folder: string,
    flags: readonly string[],
    command: readonly string[] = fromSource,
    environment: Readonly<Record<string, string>> = { HOME: "/nonexistent" },
  ) {
    this.process = Bun.spawn([...command, "serve", ...flags], {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { stdout, stderr } = this.process;
    this.#read = Promise.all([
      collect(stdout, (text) => {
        this.out += text;
      }),
      collect(stderr, (text) => {
        this.err += text;
      }),
    ]);
  }

  /** Starts one on a free port, and waits until all its workers listen. */
  static async start(...given: ConstructorParameters<typeof WorkersProgram>) {
    const program = new WorkersProgram(...given);
    await eventually(
      "the greeting",
      () => {
        if (program.process.exitCode !== null) throw new Error(`It ended: ${program.err}`);
        return program.out.includes("/messages\n");
      },
      startMsMax,
    );
    program.listWorkers();
    return program;
  }

  get url(): string {
    return /listens on (\S+)/.exec(this.out)?.[1] ?? "";
  }

  get socketUrl(): string {
    return `${this.url.replace("http", "ws")}/ws`;
  }

  get lines(): LogLine[] {
    return this.err
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line));
  }

  /** Waits for a line of the log whose text has `part`. */
  line(part: string): Promise<LogLine> {
    const look = () => this.lines.find(({ msg }) => msg.includes(part));
    return eventually(`"${part}" in the log`, look, startMsMax);
  }

  /** The processes of its workers, oldest first. */
  listWorkers(): number[] {
    const { stdout } = Bun.spawnSync(["pgrep", "-P", String(this.process.pid)]);
    const found = String(stdout).trim().split("\n").filter(Boolean).map(Number);
    for (const pid of found) this.#seen.add(pid);
    return found;
  }

  /** Those of all workers that were seen that still run. */
  get left(): number[] {
    return [...this.#seen].filter(isAlive);
  }

  /**
   * Waits until the sum over all labels of a meter is `value`. Who is asked may lack what a worker has
   * counted: one that is held up tells it late.
   */
  async shows(name: string, value: number): Promise<void> {
    await eventually(`${name} ${value}`, async () => (await this.#meter(name)) === value);
  }

  async #meter(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const lines = text.split("\n").filter((line) => /^\w+/.exec(line)?.[0] === name);
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  }

  /** Sends a signal, if one is named, and waits for the end of it and its workers' output. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    this.listWorkers();
    if (signal !== undefined) this.process.kill(signal);
    const code = await this.process.exited;
    await this.#read;
    return code;
  }

  [Symbol.dispose](): void {
    this.listWorkers();
    this.process.kill("SIGKILL");
    for (const pid of this.left) process.kill(pid, "SIGKILL");
  }
}

/** A process that has ended and that nobody has asked about yet, as orphans may be, does not run. */
function isAlive(pid: number): boolean {
  const { stdout } = Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)]);
  return /^[^Z\s]/.test(String(stdout));
}
