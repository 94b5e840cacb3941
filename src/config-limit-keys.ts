/** The configuration keys of what each may use: how often, how many, how long; and of workers. */

import { availableParallelism } from "node:os";
import { countKind, durationKind, type Kind, sizeKind } from "./config-value.ts";
import { parseNetwork } from "./limit/network.ts";
import { isSlowReaderRule, slowReaderForm } from "./limit/slow-reader.ts";

const many = 1_000_000;
const minuteMs = 60_000;
const workersMax = 64;
const workersCount = countKind("<count>", 0, workersMax);

/** Addresses and networks, between commas; in TOML also an array. */
const networksKind: Kind<string> = {
  placeholder: "<networks>",
  accepts: "addresses or networks between commas, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8",
  parse(given) {
    const texts = typeof given === "string" ? given.split(",") : Array.isArray(given) ? given : [];
    const names = texts.map((each) => (typeof each === "string" ? each.trim() : ""));
    const isList = names.length > 0 && names.length <= 1_000;
    return isList && names.every((name) => parseNetwork(name) !== null)
      ? names.join(", ")
      : undefined;
  },
  format: (value) => JSON.stringify(value),
};

/** What becomes of readers that are behind. */
const slowReaderKind: Kind<string> = {
  placeholder: "<rule>",
  accepts: slowReaderForm,
  parse: (given) => (typeof given === "string" && isSlowReaderRule(given) ? given : undefined),
  format: (value) => JSON.stringify(value),
};

/** Processes; `auto` is one for each core. */
const workersKind: Kind<number> = {
  ...workersCount,
  accepts: `a whole number from 0 to ${workersMax}, or auto for one on each core`,
  parse: (given, folder) =>
    given === "auto"
      ? Math.min(workersMax, availableParallelism())
      : workersCount.parse(given, folder),
};

export const limitKeys = {
  workers: {
    kind: workersKind,
    default: "0",
    help: "Processes that serve together on the one port, for more cores; 0 is this one alone.",
  },
  "slow-reader": {
    kind: slowReaderKind,
    default: "cut",
    help: "What becomes of readers that are behind: cut, or drop-to-latest, in all rooms or some.",
  },
  "messages-per-second": {
    kind: countKind("<count>", 0, many),
    default: "1000",
    help: "WebSocket frames that one user may send a second; 0 means no such bound.",
  },
  "messages-burst": {
    kind: countKind("<count>", 1, many),
    default: "2000",
    help: "WebSocket frames that one user may send at once.",
  },
  "publishes-per-second": {
    kind: countKind("<count>", 0, many),
    default: "1000",
    help: "HTTP publishes from one address a second; 0 means no such bound.",
  },
  "publishes-burst": {
    kind: countKind("<count>", 1, many),
    default: "2000",
    help: "HTTP publishes from one address at once.",
  },
  "rooms-per-hour": {
    kind: countKind("<count>", 0, many),
    default: "2000",
    help: "Rooms that one address may begin an hour; 0 means no such bound.",
  },
  "room-members-max": {
    kind: countKind("<count>", 0, many),
    default: "50000",
    help: "Members of one room; 0 means no such bound.",
  },
  "connection-rooms-max": {
    kind: countKind("<count>", 1, 10_000),
    default: "100",
    help: "Rooms that one WebSocket connection may be in.",
  },
  "connections-max": {
    kind: countKind("<count>", 0, many),
    default: null,
    unset: "seven eighths of the limit of open files",
    help: "WebSocket connections and SSE streams in all; 0 means no such bound.",
  },
  "connections-per-address": {
    kind: countKind("<count>", 0, many),
    default: null,
    unset: "three quarters of connections-max",
    help: "Connections and streams of one address; 0 means no such bound.",
  },
  "connections-per-user": {
    kind: countKind("<count>", 0, many),
    default: "1000",
    help: "Connections of one user with a token; 0 means no such bound.",
  },
  "memory-max": {
    kind: sizeKind(0, 1_024 * 1_073_741_824),
    default: null,
    unset: "four fifths of what the process may use",
    help: "Memory above which the server refuses work, from new connections on; 0 means no such bound.",
  },
  "speak-within": {
    kind: durationKind(60 * minuteMs),
    default: "60s",
    help: "Time in which a WebSocket must send its first frame; 0 means any.",
  },
  "body-within": {
    kind: durationKind(4 * minuteMs),
    default: "30s",
    help: "Time in which the body of a publish must have arrived; 0 means no such bound.",
  },
  "idle-timeout": {
    kind: durationKind(4 * minuteMs),
    default: "120s",
    help: "Time in which an HTTP client must go on sending or reading; 0 means no such bound.",
  },
  "drain-delay": {
    kind: durationKind(60 * minuteMs),
    default: "0",
    help: "Time for which a server that stops only says so at /readyz, for load balancers to see.",
  },
  "drain-window": {
    kind: durationKind(60 * minuteMs),
    default: "10s",
    help: "Time over which clients of a server that stops come back; 0 means all at once.",
  },
  "drain-timeout": {
    kind: durationKind(60 * minuteMs),
    default: "30s",
    help: "Time after which a server that stops cuts what is still under way.",
  },
  "trust-proxy": {
    kind: networksKind,
    default: null,
    unset: "nobody is believed",
    help: "Proxies that are believed when they say who their client is.",
  },
} as const;
