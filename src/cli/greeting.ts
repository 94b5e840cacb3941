/** What `serve` says once it listens: where it is, where its data is, and what to try. */

import { parseRedisAddresses } from "../broker/redis-address.ts";
import type { Config, Effective } from "../config.ts";
import type { KeyName } from "../config-keys.ts";
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

/** Flags that a token is made with. A secret among them is never shown. */
const saidAgain: readonly KeyName[] = [
  ...(["config", "token-secret", "token-secret-file", "token-public-key"] as const),
  ...(["token-jwks-url", "token-issuer", "token-audience"] as const),
];

/** Writes the greeting, for people. Ends with a line break. */
export function greet(
  effective: Effective,
  { url, fingerprint }: Listening,
  isColored: boolean,
): string {
  const { config } = effective;
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
  if (needsToken) rows.push(["token", describeToken(effective)]);
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

/**
 * Writes the line that makes a token with the keys of this server. What came from variables, or from
 * the file that lies in the folder, a shell there has, too; flags have to be said again.
 */
function describeToken({ config, settings, origins }: Effective): string {
  const isOurs = config.issuers.some(({ key }) => key.kind.startsWith("secret"));
  if (!isOurs) return `TOKEN='…' # from its issuer, or by "partyline token" with --key`;
  const flags = saidAgain
    .filter((name) => origins.get(name)?.place === "flag")
    .map((name) => `--${name} ${name === "token-secret" ? "'…'" : quote(String(settings[name]))} `);
  return `TOKEN=$(partyline token ${flags.join("")}--user me --room 'general=read,write,presence')`;
}

/** Writes a word for a shell, quoted where it needs to be. */
function quote(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function protocols({ tlsCert, tlsSelfSigned, http3 }: Config): string {
  if (tlsCert === null && !tlsSelfSigned) return "HTTP/1.1, cleartext HTTP/2";
  return http3 ? "HTTP/1.1, HTTP/2, HTTP/3" : "HTTP/1.1, HTTP/2";
}
