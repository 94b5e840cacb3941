#!/usr/bin/env bun
/** The executable: hands its arguments to the command line, and is the only place that exits. */

import type { Terminal } from "./cli/terminal.ts";

/** A defect in one connection must not end the process: that would be everybody's outage. */
let report: (defect: unknown) => void = complainAboutDefect;
process.on("uncaughtException", (defect) => report(defect));
process.on("unhandledRejection", (defect) => report(defect));

const terminal: Terminal = {
  environment: process.env,
  folder: process.cwd(),
  isColored: process.stdout.isTTY === true && !process.env.NO_COLOR,
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
  write: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
  onSignal(end) {
    process.on("SIGINT", () => end("SIGINT"));
    process.on("SIGTERM", () => end("SIGTERM"));
  },
  onHangup: (act) => void process.on("SIGHUP", act),
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

function complainAboutDefect(defect: unknown): void {
  const text = defect instanceof Error ? (defect.stack ?? defect.message) : Bun.inspect(defect);
  process.stderr.write(`partyline: a defect: ${text}\n`);
}
