/** What `serve` says once it listens: where it is, where its data is, and what to try. */

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
  rows.push(["data", config.durability === "memory" ? "in memory" : config.data]);
  rows.push(["", keptThrough[config.durability]]);
  rows.push(["access", "everybody who can reach this address may read and write"]);
  rows.push(["follow", `curl ${flags}-N ${base}/rooms/general/events`]);
  rows.push(["publish", `curl ${flags}-d 'hello' ${base}/rooms/general/messages`]);
  const lines = rows.map(([label, text]) => `  ${dim}${label.padEnd(8)}${plain} ${text}`);
  return `${bold}Partyline ${version}${plain} listens on ${base}\n\n${lines.join("\n")}\n\n`;
}

function protocols({ tlsCert, tlsSelfSigned, http3 }: Config): string {
  if (tlsCert === null && !tlsSelfSigned) return "HTTP/1.1, cleartext HTTP/2";
  return http3 ? "HTTP/1.1, HTTP/2, HTTP/3" : "HTTP/1.1, HTTP/2";
}
