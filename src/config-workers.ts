/** The part of the configuration that is about several processes on one port. */

import type { Broken } from "./config-source.ts";

export interface WorkersSettings {
  /** Processes; 0 serves in the one that was started, as a server made by the library always does. */
  readonly workers: number;
}

interface Given extends WorkersSettings {
  readonly redis: string | null;
  readonly http3: boolean;
}

/** What no key about workers can say about itself alone. */
export const workersRules: readonly ((config: Given) => Broken | undefined)[] = [
  ({ workers, redis }) =>
    workers > 0 && redis === null
      ? {
          keys: ["workers", "redis"],
          sentence:
            "needs redis beside it, through which processes share their rooms; give redis too, or " +
            "leave workers out.",
        }
      : undefined,
  ({ workers }) =>
    workers > 0 && process.platform !== "linux"
      ? {
          keys: ["workers"],
          sentence:
            "is for Linux: no other system spreads connections over processes that share a port; " +
            "leave it out.",
        }
      : undefined,
  ({ workers, http3 }) =>
    workers > 0 && http3
      ? {
          keys: ["workers", "http3"],
          sentence:
            "cannot be with http3: the kernel does not keep a QUIC connection to one process when " +
            "others come and go; leave one of the two out.",
        }
      : undefined,
];
