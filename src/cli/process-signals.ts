/** The signals of this process, from its first moment on. */

import { closeSync, constants, openSync } from "node:fs";
import type { EndSignal, Terminal } from "./terminal.ts";

type Signal = EndSignal | "SIGHUP";

const signals: readonly Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Tells commands of signals. A server takes a tenth of a second to load its modules, in which one that
 * nobody hears yet would end it: a reload right after a start, say.
 */
export class ProcessSignals implements Pick<Terminal, "onSignal" | "onHangup"> {
  readonly #hadTerminal = hasTerminal();
  readonly #holds = new Map<Signal, () => void>();
  readonly #early = new Set<Signal>();

  /**
   * From now on signals wait for whoever listens, who is told of each kind once. `end` is called instead
   * for those that ask to end, as long as nobody listens: there is nothing yet to bring to an end.
   */
  hold(end?: () => void): void {
    for (const signal of signals) {
      const isEnd = end !== undefined && signal !== "SIGHUP";
      const note = isEnd ? end : () => void this.#early.add(signal);
      this.#holds.set(signal, note);
      process.on(signal, note);
    }
  }

  onSignal(end: (signal: EndSignal) => void): void {
    this.#hear("SIGINT", () => end("SIGINT"));
    this.#hear("SIGTERM", () => end("SIGTERM"));
  }

  onHangup(act: () => void): void {
    this.#hear("SIGHUP", () => {
      if (this.#hadTerminal && !hasTerminal()) process.kill(process.pid, "SIGTERM");
      else act();
    });
  }

  #hear(signal: Signal, act: () => void): void {
    process.on(signal, act);
    const note = this.#holds.get(signal);
    if (note !== undefined) process.off(signal, note);
    if (this.#early.delete(signal)) act();
  }
}

/** Tells whether the terminal is there that this was started in: one that was closed cannot be opened. */
function hasTerminal(): boolean {
  // Behind nohup neither is a terminal, and what is closed is none of its business.
  if (process.stderr.isTTY !== true && process.stdout.isTTY !== true) return false;
  try {
    closeSync(openSync("/dev/tty", constants.O_RDONLY | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}
