#!/usr/bin/env bun
/** The executable: hands its arguments to the command line, and is the only place that exits. */

import { constants, existsSync, fstatSync, openSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { ProcessSignals } from "./cli/process-signals.ts";
import type { SupervisorChannel, Terminal } from "./cli/terminal.ts";
import { roleVariable } from "./cli/worker-message.ts";

// First of all: from here on a signal to reload does not end a server that starts. A worker is not
// ended by one to end either: its supervisor, who got the same, would take it for one that failed.
const supervisor = openChannel();
const signals = new ProcessSignals();
if (mayServe(process.argv[2]))
  signals.hold(supervisor === null ? () => process.exit(0) : undefined);

/** A defect in one connection must not end the process: that would be everybody's outage. */
let report: (defect: unknown) => void = complainAboutDefect;
process.on("uncaughtException", (defect) => report(defect));
process.on("unhandledRejection", (defect) => report(defect));

// A reader that has enough, such as `head`, is no defect; what else is wrong, `print` tells.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const terminal: Terminal = {
  command: [...findProgram(), ...process.argv.slice(2)],
  supervisor,
  environment: process.env,
  folder: process.cwd(),
  isColored: process.stdout.isTTY === true && !process.env.NO_COLOR,
  isWatched: process.stderr.isTTY === true,
  isTyped: process.stdin.isTTY === true,
  columns: Math.min(process.stdout.columns || 80, 110),
  async read(bytesMax) {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of Bun.stdin.stream()) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= bytesMax) break;
    }
    return Buffer.concat(chunks).toString();
  },
  input: () => Bun.stdin.stream(),
  write: (text) => void process.stdout.write(text),
  print: (text) =>
    new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => {
        if (error === null || error === undefined) resolve(true);
        else if (isHungUp(error)) resolve(false);
        else reject(error);
      });
    }),
  onUnread(act) {
    if (!fstatSync(1).isFIFO()) return;
    // As a socket, a pipe tells at once that its other end is closed; a write tells it late. Opened
    // anew it is for that alone: it gives nothing to read, and standard output stays as it was.
    try {
      const fd = openSync("/dev/fd/1", constants.O_WRONLY | constants.O_NONBLOCK);
      const options: Bun.FdSocketOptions = { fd, socket: { data() {}, close: act } };
      // Bun 1.4.5 has these options and leaves them out of the types of `connect`.
      const connect: (options: never) => Promise<unknown> = Bun.connect;
      connect(options as never).catch(() => {}); // then the next write tells it
    } catch {
      // Where a pipe cannot be opened like this, the next write tells it, too.
    }
  },
  complain: (text) => void process.stderr.write(text),
  onSignal: (end) => signals.onSignal(end),
  onHangup: (act) => signals.onHangup(act),
  onDefect(next) {
    report = next;
  },
};

try {
  const { runCommandLine } = await import("./cli/program.ts");
  process.exit(await runCommandLine(process.argv.slice(2), terminal));
} catch (defect) {
  report(defect);
  process.exit(1);
}

/** Signals end every other command as they end any program, unless it asks for them itself. */
function mayServe(word: string | undefined): boolean {
  return word === undefined || word === "serve" || word.startsWith("-");
}

/**
 * A compiled executable is started again by the name it was called by, where that leads to it: a link
 * may lead to another version by then.
 */
function findProgram(): string[] {
  const { execPath, argv0 } = process;
  if (!/^(\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/.test(Bun.main)) return [execPath, Bun.main];
  const called = Bun.which(argv0) ?? resolve(argv0);
  const isSame = existsSync(called) && realpathSync(called) === realpathSync(execPath);
  return [isSame ? called : execPath];
}

/** Takes the role out of the environment, so that it is no variable of the configuration. */
function openChannel(): SupervisorChannel | null {
  const role = process.env[roleVariable];
  if (role === undefined || process.send === undefined) return null;
  delete process.env[roleVariable];
  // Bun 1.4.5 never calls back for what was sent as the other end closed.
  const waiting = new Set<() => void>();
  process.once("disconnect", () => {
    for (const done of waiting) done();
  });
  return {
    role,
    send: (message) =>
      new Promise((resolve) => {
        const done = () => {
          waiting.delete(done);
          resolve();
        };
        waiting.add(done);
        if (!process.connected) done();
        else process.send?.(message, undefined, undefined, done);
      }),
    onMessage: (take) => void process.on("message", take),
    onGone(act) {
      process.on("disconnect", act);
      if (!process.connected) act();
    },
  };
}

function isHungUp(error: Error): boolean {
  return "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED");
}

function complainAboutDefect(defect: unknown): void {
  const text = defect instanceof Error ? (defect.stack ?? defect.message) : Bun.inspect(defect);
  process.stderr.write(`partyline: a defect: ${text}\n`);
}
