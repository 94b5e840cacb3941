/** A worker as its supervisor sees it: a process with a channel. */

import type { MeterSnapshots } from "../telemetry/meter-sum.ts";
import {
  type Role,
  roleVariable,
  type SupervisorMessage,
  type WorkerListening,
  type WorkerMessage,
} from "./worker-message.ts";

/** How a process ended: by its exit code, or by the name of a signal. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | number | null;
}

/** Why a worker does not listen. */
export class WorkerRefusal extends Error {
  override readonly name = "WorkerRefusal";
  readonly code: number;

  constructor(reason: string, code: number) {
    super(reason);
    this.code = code;
  }
}

export interface WorkerOptions {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly role: Role;
  /** Called when the worker asks for the meters of all; what it returns is what it gets. */
  readonly gather: () => Promise<MeterSnapshots>;
  /** Takes what operators should know before it happens, a sentence. */
  readonly warn: (sentence: string) => void;
}

/** Milliseconds in which what an ended process had said still arrives. */
const lastWordsMsMax = 200;

/** One process, from its start to its end. */
export class WorkerProcess {
  readonly role: Role;
  /** Resolves when it listens. @throws WorkerRefusal when it ends before */
  readonly listening: Promise<WorkerListening>;
  /** Resolves when a signal has asked it, and not its supervisor, to end. */
  readonly asked: Promise<void>;
  /** Resolves when it is gone and all that it said was heard. */
  readonly ended: Promise<WorkerEnd>;
  readonly #child: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #options: WorkerOptions;
  readonly #asked = new Map<number, (meters: MeterSnapshots) => void>();
  readonly #start = Promise.withResolvers<WorkerListening>();
  readonly #ask = Promise.withResolvers<void>();
  #lastAsk = 0;
  #listensSince: number | null = null;
  #reason: string | null = null;
  #unanswered = 0;
  /** What its meters showed when it told them last. */
  meters: MeterSnapshots = [];

  /** @throws Error when the executable is not there */
  constructor(options: WorkerOptions) {
    const { command, environment, role } = options;
    this.#options = options;
    this.role = role;
    const disconnected = Promise.withResolvers<void>();
    this.#child = Bun.spawn([...command], {
      env: { ...environment, [roleVariable]: JSON.stringify(role) },
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc: (message) => this.#hear(message),
      onDisconnect: () => disconnected.resolve(),
    });
    this.listening = this.#start.promise;
    this.listening.catch(() => {}); // whoever waits for it hears of it
    this.asked = this.#ask.promise;
    this.ended = this.#waitForEnd(disconnected.promise);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it said last of why it ends; null where it said nothing. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Milliseconds for which it has listened; null before it does. */
  get listeningMs(): number | null {
    return this.#listensSince === null ? null : performance.now() - this.#listensSince;
  }

  /** Beats to which it has said nothing yet. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Asks whether it is alive. */
  beat(): void {
    this.#unanswered += 1;
    this.#tell({ type: "beat" });
  }

  /** Asks it to end gently; one that does not listen yet is killed. */
  leave(isReplaced: boolean): void {
    if (this.#listensSince === null) this.kill();
    else this.#tell({ type: "leave", isReplaced });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Asks for its meters. Resolves to false when they did not come within `ms`, or it ended. */
  takeMeters(ms: number): Promise<boolean> {
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    const taken = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => {
        this.#asked.delete(ask);
        resolve(false);
      }, ms);
      this.#asked.set(ask, () => {
        clearTimeout(timer);
        resolve(true);
      });
      this.#tell({ type: "meters", ask });
    });
    return Promise.race([taken, this.ended.then(() => false)]);
  }

  #tell(message: SupervisorMessage): void {
    try {
      this.#child.send(message);
    } catch {
      // It is gone, which is heard of by itself.
    }
  }

  #hear(message: WorkerMessage): void {
    this.#unanswered = 0; // whatever it says, it is alive
    switch (message.type) {
      case "alive":
        return;
      case "asked":
        return this.#ask.resolve();
      case "warning":
        this.#options.warn(message.sentence);
        return;
      case "listening":
        this.#listensSince = performance.now();
        this.#start.resolve(message);
        return;
      case "refused":
        this.#reason = message.reason;
        return;
      case "meters":
        this.meters = message.meters;
        if (message.ask === null) return;
        this.#asked.get(message.ask)?.(message.meters);
        this.#asked.delete(message.ask);
        return;
      case "gather": {
        const { ask } = message;
        void this.#options.gather().then((meters) => this.#tell({ type: "gathered", ask, meters }));
        return;
      }
    }
  }

  async #waitForEnd(disconnected: Promise<void>): Promise<WorkerEnd> {
    await this.#child.exited;
    await Promise.race([disconnected, Bun.sleep(lastWordsMsMax)]);
    const { exitCode: code, signalCode: signal } = this.#child;
    const end = { code, signal };
    const reason = this.#reason ?? `Worker ${this.role.worker} ended: ${describeEnd(end)}.`;
    this.#start.reject(new WorkerRefusal(reason, code || 1));
    return end;
  }
}

/** Names the exit code or the signal. */
export function describeEnd({ code, signal }: WorkerEnd): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}
