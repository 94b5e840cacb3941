/** What `serve` says once it listens: where it is, where its data is, and what to try. */

import { parseRedisAddresses } from "../broker/redis-address.ts";
import type { Config } from "../config.ts";
import { version } from "../version.ts";

/** Where a server listens; `fingerprint` is the SHA-256 of a certificate it made, or null. */
export interface Listening {
  readonly url: string;
  readonly fingerprint: string | null;
}

const keptThrough: Readonly<Record<Config["durability"], string>> = {
  process: "a stored message survives the end of the process",
  power: "a stored message survives a power cut",
  memory: "messages are kept in memory only and end with the process",
};

/** Writes the greeting, for people. Ends with a line break. */
export function greet(config: Config, { url, fingerprint }: Listening, isColored: boolean): string {
  const [bold, dim, plain] = isColored ? ["\x1b[1m", "\x1b[2m", "\x1b[0m"] : ["", "", ""];
  const base = url.replace(/\/$/, "");
  const flags = fingerprint === null ? "" : "-k ";
  const rows: [string, string][] = [
    ["page", `${base}/`],
    ["manual", `${base}/docs`],
    ["speaks", `${protocols(config)}, WebSocket, SSE`],
  ];
  if (fingerprint !== null) rows.push(["sha-256", fingerprint]);
  rows.push(...describeStore(config));
  rows.push(["access", describeAccess(config)]);
  if (config.workers > 0) rows.push(["workers", `${config.workers} processes on this port`]);
  const needsToken = config.issuers.length > 0 && (config.anonymous ?? "none") === "none";
  if (needsToken) {
    // A secret or a private key is needed to make one; whoever has neither gets theirs elsewhere.
    rows.push(["token", "TOKEN=$(partyline token --user me --room 'general=read,write,presence')"]);
  }
  const curl = `curl ${flags}${needsToken ? '-H "Authorization: Bearer $TOKEN" ' : ""}`;
  rows.push(["follow", `${curl}-N ${base}/rooms/general/events`]);
  rows.push(["publish", `${curl}-d 'hello' ${base}/rooms/general/messages`]);
  const lines = rows.map(([label, text]) => `  ${dim}${label.padEnd(8)}${plain} ${text}`);
  return `${bold}Partyline ${version}${plain} listens on ${base}\n\n${lines.join("\n")}\n\n`;
}

/** URLs of a Redis may hold passwords, so host and port alone are shown. */
function describeStore({ redis, redisPrefix, durability, data }: Config): [string, string][] {
  if (redis !== null) {
    const places = (parseRedisAddresses(redis) ?? []).map(({ place }) => place).join(" or ");
    return [
      ["data", `in the Redis at ${places}, below "${redisPrefix}"`],
      ["", "what a stored message survives is up to Redis"],
    ];
  }
  const place = durability === "memory" ? "in memory" : data;
  return [
    ["data", place],
    ["", keptThrough[durability]],
  ];
}

function describeAccess({ issuers, anonymous }: Config): string {
  const everybody = "everybody who can reach this address";
  if (issuers.length === 0 && anonymous === null) return `${everybody} may read and write`;
  const without = anonymous === null || anonymous === "none" ? "" : `${everybody}: ${anonymous}`;
  if (issuers.length === 0) return without === "" ? "nobody: there is no key for tokens" : without;
  return without === "" ? "by token" : `by token; ${without}`;
}

function protocols({ tlsCert, tlsSelfSigned, http3 }: Config): string {
  if (tlsCert === null && !tlsSelfSigned) return "HTTP/1.1, cleartext HTTP/2";
  return http3 ? "HTTP/1.1, HTTP/2, HTTP/3" : "HTTP/1.1, HTTP/2";
}
