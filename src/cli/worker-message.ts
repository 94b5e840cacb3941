/**
 * What workers and their supervisor tell each other. While a new version takes over, the two are of
 * different ones: whatever is not known is passed over.
 */

import type { MeterSnapshots } from "../telemetry/meter-sum.ts";

/** What a worker is told as it starts. */
export interface Role {
  /** From 1 on. */
  readonly worker: number;
  /** The port that the others listen on; null for the first, which claims the configured one. */
  readonly port: number | null;
  /** What was configured when the supervisor started, which no worker changes. */
  readonly fixed: {
    readonly host: string;
    readonly port: number;
    readonly workers: number;
  };
}

/** From a worker. */
export type WorkerMessage =
  | ({ readonly type: "listening" } & WorkerListening)
  /** It does not start, or ends; `reason` is one sentence or a few, safe to show. */
  | { readonly type: "refused"; readonly reason: string }
  /** The answer to a beat. */
  | { readonly type: "alive" }
  /** A signal asked it to end; it waits to be told how. */
  | { readonly type: "asked" }
  /** What each worker would say, and is to stand in the log once. */
  | { readonly type: "warning"; readonly sentence: string }
  /** Its meters; `ask` is that of the question, null from a worker that ends. */
  | { readonly type: "meters"; readonly ask: number | null; readonly meters: MeterSnapshots }
  /** Somebody wants the meters of all. */
  | { readonly type: "gather"; readonly ask: number };

/** Where a worker listens. */
export interface WorkerListening {
  readonly url: string;
  readonly port: number;
  readonly fingerprint: string | null;
}

/** From the supervisor. */
export type SupervisorMessage =
  /** End gently; with `isReplaced` close the port first, since others listen. */
  | { readonly type: "leave"; readonly isReplaced: boolean }
  /** To be answered at once. */
  | { readonly type: "beat" }
  | { readonly type: "meters"; readonly ask: number }
  | { readonly type: "gathered"; readonly ask: number; readonly meters: MeterSnapshots };

/**
 * The variable in which a process finds its role. It is one only with a channel to a supervisor; a
 * variable that somebody set is refused like any other that is not known.
 */
export const roleVariable = "PARTYLINE_ROLE";
