/** The configuration keys of a Redis that several nodes share. */

import { parseRedisAddresses, redisAddressesForm } from "./broker/redis-address.ts";
import { countKind, durationKind, type Kind } from "./config-value.ts";

const leaseMsMin = 1_000;
const leaseMsMax = 300_000;

/** URLs between commas, which may hold passwords; in TOML also an array. */
const redisKind: Kind<string> = {
  placeholder: "<url>",
  accepts: redisAddressesForm,
  isSecret: true,
  isRepeatable: true,
  parse(given) {
    const text = toText(given);
    return text !== undefined && parseRedisAddresses(text) !== undefined ? text : undefined;
  },
  // No URL: a printed configuration that is read back is refused, not led elsewhere.
  format: (value) => JSON.stringify(value.includes("@") ? "(secret)" : value),
  explain(given) {
    const urls = (toText(given)?.split(",") ?? []).map((part) => part.trim());
    if (!urls.every((url) => /^rediss?:\/\//.test(url))) {
      return "Not all of it begins with redis:// or rediss://; a comma in a password is %2C.";
    }
    if (urls.some((url) => /[/?#].*@/.test(url.slice(url.indexOf("//") + 2)))) {
      return "In a password / is written as %2F, ? as %3F, # as %23, and % as %25.";
    }
    return urls.some((url) => /\/./.test(url.slice(url.indexOf("//") + 2)))
      ? "Databases cannot be chosen: redis-prefix keeps installations apart."
      : undefined;
  },
};

function toText(given: unknown): string | undefined {
  const text = Array.isArray(given) ? given.join(",") : given;
  return typeof text === "string" ? text : undefined;
}

/** No colon: with the prefix `a:m` beside `a`, a room of one could be a key of the other. */
const prefixKind: Kind<string> = {
  placeholder: "<text>",
  accepts: "1 to 64 letters, digits and _ . -",
  parse: (given) =>
    typeof given === "string" && /^[A-Za-z0-9_.-]{1,64}$/.test(given) ? given : undefined,
  format: (value) => JSON.stringify(value),
};

const leaseKind: Kind<number> = {
  ...durationKind(leaseMsMax),
  accepts: "a duration such as 5s, 30s or 1m, from 1s to 5m",
  parse(given, folder) {
    const ms = durationKind(leaseMsMax).parse(given, folder);
    return ms === undefined || ms < leaseMsMin ? undefined : ms;
  },
};

export const redisKeys = {
  redis: {
    kind: redisKind,
    default: null,
    variable: "PARTYLINE_REDIS_URL",
    unset: "no Redis: this node alone",
    help: "Redis that holds the rooms of all nodes; of several, the first that is a master.",
  },
  "redis-prefix": {
    kind: prefixKind,
    default: "partyline",
    help: "What keys and channels in Redis begin with; nodes that share rooms share it.",
  },
  "redis-replicas": {
    kind: countKind("<count>", 0, 10),
    default: "0",
    help: "Replicas of Redis that must have a message before it is acknowledged.",
  },
  "redis-lease": {
    kind: leaseKind,
    default: "10s",
    help: "Time after which a node that is silent counts as gone, and its members with it.",
  },
} as const;
