/** What a Redis tells of itself. */

import type { RedisFault } from "./redis-fault.ts";

/** What matters of it. Texts are empty where it does not tell. */
export interface RedisServerInfo {
  /** New with each start of its process. */
  readonly runId: string;
  readonly version: string;
  readonly isMaster: boolean;
  readonly isLoading: boolean;
  readonly isCluster: boolean;
  readonly hasAppendOnlyFile: boolean;
  /** What it does when its memory is used up. */
  readonly policy: string;
}

const oldestMajor = 7;

/** Reads the answer to INFO. */
export function parseServerInfo(text: string): RedisServerInfo {
  const fields = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const tell = (name: string) => fields.get(name) ?? "";
  return {
    runId: tell("run_id"),
    version: tell("redis_version"),
    isMaster: tell("role") === "master",
    isLoading: tell("loading") === "1",
    isCluster: tell("cluster_enabled") === "1",
    hasAppendOnlyFile: tell("aof_enabled") === "1",
    policy: tell("maxmemory_policy"),
  };
}

/** Says why this Redis cannot be used; undefined when it can. */
export function refuseServer(info: RedisServerInfo): RedisFault | undefined {
  const reason = refusals.find(([isRefused]) => isRefused(info))?.[1];
  return reason === undefined ? undefined : { kind: "lost", reason };
}

const refusals: readonly (readonly [(info: RedisServerInfo) => boolean, string])[] = [
  [({ isLoading }) => isLoading, "is still loading its data."],
  [({ isMaster }) => !isMaster, "is a replica."],
  [({ isCluster }) => isCluster, "is a part of a Redis Cluster, which Partyline does not use."],
  [({ version }) => Number.parseInt(version, 10) < oldestMajor, "is older than Redis 7.0."],
  [({ runId }) => !/^[0-9a-z]{1,64}$/.test(runId), "does not tell its run id."],
];

/**
 * Lists what an operator should know before it happens, a sentence each. `save` is its rule when to
 * write snapshots: "" for none, undefined where it does not tell.
 */
export function warnOfServer(info: RedisServerInfo, save: string | undefined): string[] {
  const warnings: string[] = [];
  if (!info.hasAppendOnlyFile && save === "") {
    warnings.push(
      "keeps nothing on disk: messages and revocations end with its process. To keep them, set " +
        "appendonly yes.",
    );
  } else if (!info.hasAppendOnlyFile && save !== undefined) {
    warnings.push(
      "writes only snapshots to its disk: what came after the last one ends with its process. To " +
        "keep it, set appendonly yes.",
    );
  }
  if (info.policy !== "" && info.policy !== "noeviction") {
    warnings.push(
      `may drop rooms when its memory is used up (maxmemory-policy ${info.policy}). To refuse new ` +
        "messages instead, set maxmemory-policy noeviction.",
    );
  }
  return warnings;
}
