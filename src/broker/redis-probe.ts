/** Finds out why a Redis cannot be connected to: Bun's client only says that it did not work. */

import type { RedisAddress } from "./redis-address.ts";
import { closed, type RedisFault, silent, toRedisFault } from "./redis-fault.ts";

const bytesMax = 1_024;
const withinMs = 1_000;

/** Connects once more, asks, and looks for a second at what happens. */
export async function whyUnreachable(address: RedisAddress): Promise<RedisFault> {
  const { promise, resolve } = Promise.withResolvers<RedisFault>();
  const isTls = address.url.startsWith("rediss:");
  const timer = setTimeout(resolve, withinMs, isTls ? plain : silent);
  const end = await connect(address, resolve);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    end();
  }
}

async function connect(
  { url: text }: RedisAddress,
  resolve: (fault: RedisFault) => void,
): Promise<() => void> {
  const url = new URL(text);
  let answer = "";
  try {
    const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const socket = await Bun.connect({
      hostname,
      port: Number(url.port || "6379"),
      ...(url.protocol === "rediss:" ? { tls: { serverName: hostname } } : {}),
      socket: {
        open: (opened) => void opened.write(toRequest(url)),
        handshake(_, isDone, refusal) {
          if (isDone && refusal === null) return;
          const isPlain = refusal !== null && "code" in refusal && refusal.code === "EPROTO";
          resolve(isPlain ? plain : untrusted);
        },
        data(opened, bytes) {
          answer += bytes.toString("latin1");
          const lines = answer.split("\r\n").slice(0, -1);
          const error = lines.find((line) => line.startsWith("-"));
          if (error !== undefined) resolve(toFault(error.slice(1)));
          else if (lines.some((line) => !/^\+(OK|PONG)$/.test(line))) resolve(foreign);
          else if (answer.length > bytesMax) resolve(foreign);
          else if (lines.length === toCommands(url).length) resolve(closed);
          else return;
          opened.end();
        },
        close: () => resolve(answer === "" ? closed : foreign),
        error: () => resolve(closed),
      },
    });
    return () => socket.end();
  } catch (thrown) {
    resolve(toConnectFault(thrown));
    return () => {};
  }
}

function toCommands(url: URL): string[][] {
  const [user, password] = [url.username, url.password].map(decodeURIComponent);
  if (!password) return [["PING"]];
  return [user ? ["AUTH", user, password] : ["AUTH", password], ["PING"]];
}

function toRequest(url: URL): string {
  const toBulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  return toCommands(url)
    .map((words) => `*${words.length}\r\n${words.map(toBulk).join("")}`)
    .join("");
}

function toFault(message: string): RedisFault {
  const known = toRedisFault(Object.assign(new Error(message), { code: "ERR_REDIS_SERVER_ERROR" }));
  if (known !== undefined) return known;
  return message.includes("max number of clients") ? crowded : foreign;
}

function toConnectFault(thrown: unknown): RedisFault {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  if (/NOTFOUND|EAI_|DNS_/.test(code)) return unknown;
  return /ECONNREFUSED/.test(code) ? absent : { ...absent, reason: `cannot be reached (${code}).` };
}

const absent: RedisFault = { kind: "lost", reason: "refuses connections: nothing listens there." };
const unknown: RedisFault = { kind: "lost", reason: "cannot be found: nobody knows its name." };
const untrusted: RedisFault = { kind: "lost", reason: "shows a certificate that is not trusted." };
const crowded: RedisFault = { kind: "lost", reason: "takes no more connections (maxclients)." };
const plain: RedisFault = { kind: "lost", reason: "does not answer over TLS (rediss)." };
const foreign: RedisFault = { kind: "lost", reason: "does not answer as Redis does." };
