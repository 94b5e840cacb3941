/** What holds where a key is not set: values that follow from other keys, or from the machine. */

import type { Config } from "./config.ts";
import { type KeyName, keyOf } from "./config-keys.ts";
import { toEffectiveLimits } from "./config-limits.ts";
import type { Value } from "./config-value.ts";
import { readMemoryMax } from "./limit/memory-max.ts";
import { readConnectionsMax } from "./limit/open-files.ts";

const mebibyte = 1_048_576;

/** A value, and what it follows from, for people. */
export interface Derived {
  readonly value: Value;
  readonly from: string;
}

/**
 * Works out what holds for each key whose absence means a value, for people to see: memory in whole
 * MiB. With workers it is what each of them has.
 */
export function deriveUnset(config: Config): ReadonlyMap<KeyName, Derived> {
  const { connectionsMax, connectionsPerAddress } = toEffectiveLimits(config, readConnectionsMax);
  const memoryBytesMax = readMemoryMax(Math.max(1, config.workers));
  const isOpen = config.issuers.length === 0;
  const values: readonly [KeyName, Value][] = [
    ["anonymous", isOpen ? "write" : "none"],
    ["connections-max", connectionsMax],
    ["connections-per-address", connectionsPerAddress],
    ["memory-max", Math.floor(memoryBytesMax / mebibyte) * mebibyte],
    ["metrics", isOpen ? "open" : "admin"],
  ];
  const toFrom = (name: KeyName) => {
    const isPart = name === "memory-max" && config.workers > 1;
    return `${keyOf(name).unset}${isPart ? `, in ${config.workers} parts` : ""}`;
  };
  return new Map(values.map(([name, value]) => [name, { value, from: toFrom(name) }]));
}
