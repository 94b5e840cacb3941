/** What a publishing process is doing, on a page of memory that outlives it. */

import { Database } from "bun:sqlite";
import { writeFileSync } from "node:fs";

/** What a store does, by its number on the board. `between` is everything that touches no file. */
export const phases = [
  ...["between", "writing", "commit", "retention", "schema", "opening", "checkpoint"],
] as const;

export type Phase = (typeof phases)[number];

/** Two bytes that two processes share: what the main thread does, and whether a checkpoint runs. */
export class PhaseBoard {
  readonly #bytes: Uint8Array;

  constructor(path: string) {
    this.#bytes = Bun.mmap(path, { shared: true });
  }

  /** Makes the file of a board. */
  static create(path: string): PhaseBoard {
    writeFileSync(path, new Uint8Array(4_096));
    return new PhaseBoard(path);
  }

  /** What is being done; a checkpoint beside something else counts as the checkpoint. */
  get phase(): string {
    if (this.#bytes[1] === 1) return "checkpoint";
    return phases[this.#bytes[0] ?? 0] ?? "between";
  }

  set(phase: Phase): void {
    this.#bytes[0] = phases.indexOf(phase);
  }

  setCheckpoint(isRunning: boolean): void {
    this.#bytes[1] = isRunning ? 1 : 0;
  }

  clear(): void {
    this.#bytes.fill(0);
  }
}

/** Makes all that this process does to SQLite show on a board, without the program's knowledge. */
export function showPhases(board: PhaseBoard): void {
  const { prototype } = Database;
  const { prepare, run } = prototype;
  const wrapRun = Function.prototype.call.bind(run);
  prototype.prepare = function (this: Database, ...given: Parameters<typeof prepare>) {
    const statement = prepare.apply(this, given);
    const [sql] = given;
    const during = toPhase(sql);
    if (during === undefined) return statement;
    const runStatement = statement.run.bind(statement);
    statement.run = (...values) => {
      board.set(during);
      const result = runStatement(...values);
      // Deleting is the first step of a transaction of retention, and COMMIT its last.
      if (sql === "COMMIT") board.set("between");
      return result;
    };
    return statement;
  } as typeof prepare;
  prototype.run = function (this: Database, ...given: Parameters<typeof run>) {
    const [sql] = given;
    if (/\bCREATE TABLE\b/.test(sql)) board.set("schema");
    if (!sql.includes("wal_checkpoint")) return wrapRun(this, ...given);
    board.setCheckpoint(true);
    try {
      return wrapRun(this, ...given);
    } finally {
      board.setCheckpoint(false);
    }
  } as typeof run;
  watchThread(board);
}

function toPhase(sql: string): Phase | undefined {
  if (sql === "BEGIN IMMEDIATE" || /^\s*INSERT INTO (messages|rooms)/.test(sql)) return "writing";
  if (sql === "COMMIT") return "commit";
  if (sql.startsWith("DELETE FROM messages")) return "retention";
  return undefined;
}

/** The thread that moves the write-ahead log works from when it is asked to until it answers. */
function watchThread(board: PhaseBoard): void {
  const { postMessage } = Worker.prototype;
  const watched = new WeakSet<Worker>();
  Worker.prototype.postMessage = function (this: Worker, message: unknown) {
    if (!watched.has(this)) this.addEventListener("message", () => board.setCheckpoint(false));
    watched.add(this);
    board.setCheckpoint(true);
    postMessage.call(this, message);
  };
}
