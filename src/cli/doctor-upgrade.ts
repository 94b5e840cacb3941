/** Asks for a WebSocket by hand, since a client learns nothing of why one was refused. */

import { connect as connectPlain, isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { answerMs, type Visit } from "./doctor-visit.ts";

const bytesMax = 16_384;
const shownMax = 200;

/** What came back. `problem` is the sentence of a refusal of ours, and empty for one of anybody else's. */
export interface UpgradeAnswer {
  readonly status: number;
  readonly server: string | undefined;
  readonly problem: string;
  readonly code: string;
}

/** Asks as a page of `origin` would. Undefined when nothing came that is HTTP. */
export function askForUpgrade(visit: Visit, origin?: string): Promise<UpgradeAnswer | undefined> {
  const { promise, resolve } = Promise.withResolvers<UpgradeAnswer | undefined>();
  const { host, port, isSecure, options } = visit;
  const socket = isSecure
    ? connectTls({
        host,
        port,
        servername: isIP(host) > 0 ? "" : host,
        ALPNProtocols: ["http/1.1"],
        ...options.tls,
      })
    : connectPlain({ host, port });
  let received = "";
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    socket.destroy();
    resolve(parse(received));
  };
  const timer = setTimeout(end, answerMs);
  socket.once(isSecure ? "secureConnect" : "connect", () => socket.write(toRequest(visit, origin)));
  socket.on("data", (bytes: Uint8Array) => {
    received += Buffer.from(bytes).toString("latin1");
    if (isWhole(received) || received.length > bytesMax) end();
  });
  socket.on("error", end);
  socket.on("close", end);
  return promise;
}

function toRequest({ address, options }: Visit, origin: string | undefined): string {
  const path = `${address.pathname.replace(/\/$/, "")}/ws`;
  const { token } = options;
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${address.host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64")}`,
    "Sec-WebSocket-Protocol: partyline.v1",
  ];
  if (origin !== undefined) lines.push(`Origin: ${origin}`);
  if (token !== undefined) lines.push(`Authorization: Bearer ${token}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** True once nothing is missing that says why: a switch of protocols has no body. */
function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  if (text.startsWith("HTTP/1.1 101")) return true;
  const length = /^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1];
  return length !== undefined && text.length >= end + 4 + Number(length);
}

function parse(text: string): UpgradeAnswer | undefined {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
  if (status === undefined) return undefined;
  const [head = "", body = ""] = text.split("\r\n\r\n", 2);
  const isOurs = /^content-type: *application\/problem\+json/im.test(head);
  const field = (name: string) =>
    new RegExp(`"${name}":"((?:[^"\\\\]|\\\\.)*)"`).exec(body)?.[1] ?? "";
  return {
    status: Number(status),
    server: /^server: *(.*)$/im.exec(head)?.[1]?.trim().slice(0, shownMax),
    problem: isOurs ? field("detail").slice(0, shownMax).replaceAll('\\"', '"') : "",
    code: isOurs ? field("code") : "",
  };
}
