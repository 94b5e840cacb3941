/** The part of the configuration that is about a Redis that several nodes share. */

import type { Settings } from "./config-keys.ts";
import type { Broken } from "./config-source.ts";

/** What a node needs to know of it. */
export interface RedisSettings {
  /** URLs between commas, with their passwords; null where messages are kept by this node itself. */
  readonly redis: string | null;
  readonly redisPrefix: string;
  /** Replicas that must have a message before it is acknowledged; 0 waits for none. */
  readonly redisReplicas: number;
  readonly redisLeaseMs: number;
}

export function toRedisSettings(settings: Settings): RedisSettings {
  return {
    redis: settings.redis,
    redisPrefix: settings["redis-prefix"],
    redisReplicas: settings["redis-replicas"],
    redisLeaseMs: settings["redis-lease"],
  };
}

/** What no key about Redis can say about itself alone. */
export const redisRules: readonly ((config: RedisSettings) => Broken | undefined)[] = [
  ({ redis, redisReplicas }) =>
    redisReplicas > 0 && redis === null
      ? {
          keys: ["redis-replicas", "redis"],
          sentence:
            "needs redis beside it, whose replicas these are; give redis too, or leave it out.",
        }
      : undefined,
];
