/** Requests, WebSockets and clients that reach a server through a proxy in front of it. */

import { type ConnectOptions, connect, type Line } from "../../src/client/index.ts";
import { host, type RunningProxy } from "./front-proxy.ts";
import { findSystemProgram } from "./system-program.ts";

/** curl, or null where it is not installed. */
export const curl = findSystemProgram("curl");

/** How curl finds a proxy by the name that its certificate is for. */
export function toCurlWords({ port, authority }: RunningProxy): string[] {
  return ["--cacert", authority, "--connect-to", `${host}:443:127.0.0.1:${port}`];
}

/** Asks through a proxy by curl. Returns the status, or what curl complains of, and the body. */
export async function ask(proxy: RunningProxy, path: string, ...words: string[]) {
  const write = ["-w", "%{stderr}%{http_code}"];
  const command = [curl ?? "", "-sS", ...toCurlWords(proxy), ...write, ...words];
  const child = Bun.spawn([...command, `https://${host}${path}`], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH },
  });
  const [body, told] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
  ]);
  return { status: Number(told) || told, body: Buffer.from(body) };
}

/** Follows a room through a proxy by curl. `text()` is what came so far. */
export function follow(proxy: RunningProxy, room: string, ...words: string[]) {
  const url = `https://${host}/rooms/${room}/events`;
  const child = Bun.spawn([curl ?? "", "-sSN", ...toCurlWords(proxy), ...words, url], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH },
  });
  let text = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) text += decoder.decode(bytes, { stream: true });
  })().catch(() => {});
  const end = async () => {
    child.kill("SIGKILL");
    await reading;
  };
  return { text: () => text, [Symbol.asyncDispose]: end };
}

/** What a fetch or a WebSocket needs to reach a proxy by the name that its certificate is for. */
function toTls({ authority }: RunningProxy) {
  return { ca: Bun.file(authority), serverName: host };
}

/** Sends a request through a proxy. */
export function fetchThrough(
  proxy: RunningProxy,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = { ...Object.fromEntries(new Headers(init.headers)), host };
  const options = { ...init, headers, tls: toTls(proxy) };
  return fetch(`https://127.0.0.1:${proxy.port}${path}`, options);
}

/** Opens a WebSocket through a proxy. */
export function openSocket(
  proxy: RunningProxy,
  path: string,
  { protocols, origin }: { protocols?: string[]; origin?: string },
): WebSocket {
  const headers = { host, ...(origin === undefined ? {} : { origin }) };
  const offered = protocols === undefined ? {} : { protocols };
  // Bun's own option, which the types of the DOM hide.
  const options = { headers, tls: toTls(proxy), ...offered };
  return Reflect.construct(WebSocket, [`wss://127.0.0.1:${proxy.port}${path}`, options]);
}

/** Connects the client of every server through a proxy. */
export function connectThrough(proxy: RunningProxy, options: ConnectOptions = {}): Line {
  const toPath = (url: string) => {
    const { pathname, search } = new URL(url);
    return `${pathname}${search}`;
  };
  // A class, since the client constructs it; what it constructs is Bun's own.
  const socketClass = function (this: unknown, url: string, protocols: string[]) {
    return openSocket(proxy, toPath(url), { protocols });
  };
  return connect(`https://${host}`, {
    ...options,
    WebSocket: socketClass as unknown as NonNullable<ConnectOptions["WebSocket"]>,
    fetch: (url, init) => fetchThrough(proxy, toPath(url), init),
  });
}
