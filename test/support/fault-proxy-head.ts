/** What the fault proxy understands of HTTP/1.1: request heads, upgrades and event streams. */

/** Bytes within which a head has to end; above it the proxy passes on what it does not understand. */
const headBytesMax = 65_536;
const headEnd = "\r\n\r\n";

/** The head of a connection's first request. */
export interface RequestHead {
  /** Method, path and version. */
  readonly line: string;
  /** The header lines as they came. */
  readonly headers: readonly string[];
  /** What came after the head. */
  readonly rest: Uint8Array;
}

/** How a proxy refuses an upgrade by an answer of its own. */
export type UpgradeRefusal = 403 | 426 | 502;

/** Reads a request's head, one character a byte. "foreign" is anything that is not HTTP/1.1. */
export function readHead(bytes: Uint8Array): RequestHead | "incomplete" | "foreign" {
  const text = Buffer.from(bytes).toString("latin1");
  const end = text.indexOf(headEnd);
  const isForeign = bytes.length > headBytesMax || !/^[A-Z]*( |$)/.test(text);
  if (end < 0) return isForeign ? "foreign" : "incomplete";
  const [line = "", ...headers] = text.slice(0, end).split("\r\n");
  if (!/ HTTP\/1\.[01]$/.test(line)) return "foreign";
  return { line, headers, rest: bytes.subarray(end + headEnd.length) };
}

/** True for a request to become a WebSocket. */
export function isUpgrade({ headers }: RequestHead): boolean {
  return headers.some((header) => /^upgrade:\s*websocket\s*$/i.test(header));
}

/** The request as a proxy sends it on that knows nothing of upgrades (RFC 9110, section 7.6.1). */
export function withoutUpgrade({ line, headers, rest }: RequestHead): Uint8Array {
  const kept = headers.filter((header) => !/^(upgrade|connection):/i.test(header));
  return Buffer.concat([Buffer.from([line, ...kept].join("\r\n") + headEnd, "latin1"), rest]);
}

/** A refusal as a proxy words it: a page for people, and the end of the connection. */
export function toRefusal(status: UpgradeRefusal): string {
  const reason = { 403: "Forbidden", 426: "Upgrade Required", 502: "Bad Gateway" }[status];
  const page = `<html><body><h1>${status} ${reason}</h1></body></html>`;
  const headers = [`Content-Length: ${page.length}`, "Content-Type: text/html"];
  return [`HTTP/1.1 ${status} ${reason}`, ...headers, "Connection: close", "", page].join("\r\n");
}

/** True for the first bytes of an answer that is an event stream. */
export function isEventStream(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.subarray(0, 4_096)).toString("latin1");
  return text.startsWith("HTTP/1.1 200") && /^content-type:\s*text\/event-stream/im.test(text);
}

/** Bytes of an answer's head, with the empty line after it; 0 where it does not end here. */
export function headLength(bytes: Uint8Array): number {
  const end = Buffer.from(bytes).indexOf(headEnd);
  return end < 0 ? 0 : end + headEnd.length;
}
