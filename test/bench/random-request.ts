/** HTTP/1.x requests that a careless or hostile client might send, from a source of randomness. */

const methods = [
  "GET",
  "GET",
  "POST",
  "PUT",
  "DELETE",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "\x00X",
  "GET /",
];
const paths = [
  ...["/", "/rooms", "/rooms/a", "/rooms/a/messages", "/rooms/%ff/events", "/rooms/$clock/members"],
  ...["/events?room=a&room=b", "/rooms/a/messages?since=e:9&limit=0", "/ws", "/ws/echo", "/docs"],
  ...["/files/", "/files/..%2f..%2fetc/passwd", "/files/%00", "/auth/revoke", "/auth/renew"],
  ...["/metrics", "/openapi.json", "//evil", "*", "http://x/rooms", `/rooms/${"a".repeat(300)}`],
];
const headers = [
  ...["Content-Length: 5", "Content-Length: -1", "Content-Length: 5\r\nContent-Length: 6"],
  ...["Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 3"],
  ...["Host: a", "Host:", "Host: 127.0.0.1:1", "Upgrade: websocket\r\nConnection: Upgrade"],
  ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"],
  ...["Range: bytes=0-", "Range: bytes=-", "If-Range: x", "Origin: http://evil", "Origin: null"],
  ...["Authorization: Bearer a.b.c", "Authorization: Bearer", "Content-Type: application/json"],
  ...["Content-Type: \xff", "Last-Event-ID: zz:9", "Idempotency-Key: \x01", "Expect: 100-continue"],
  ...[`X: ${"y".repeat(20_000)}`, "Accept: application/json", "X-Forwarded-For: ::::"],
];
const bodies = [
  ...["", "hello", '{"content":1}', '{"content":', "[".repeat(10_000), "\xff\xfe"],
  ...["5\r\nhello\r\n0\r\n\r\n", "0\r\n\r\nGET /rooms HTTP/1.1\r\nHost: x\r\n\r\n", "zz\r\n"],
];

/** Bytes to send on a fresh connection. */
export function randomRequest(random: () => number): Buffer {
  const below = (most: number) => Math.floor(random() * most);
  const pick = (all: readonly string[]) => all[below(all.length)] ?? "";
  if (random() < 0.05) {
    return Buffer.from(Array.from({ length: below(200) }, () => below(256)));
  }
  const named = random() < 0.8 ? "Host: 127.0.0.1\r\n" : "";
  const others = Array.from({ length: below(4) }, () => `${pick(headers)}\r\n`).join("");
  const version = random() < 0.9 ? "1.1" : `1.${below(4)}`;
  const head = `${pick(methods)} ${pick(paths)} HTTP/${version}\r\n${named}${others}\r\n`;
  return Buffer.from(head + pick(bodies), "latin1");
}
