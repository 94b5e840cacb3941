import { afterAll, beforeAll, expect, test } from "bun:test";
import { TestServer } from "../support/server.ts";
import { Tcp } from "../support/tcp.ts";

const foreign = "Origin: https://evil.example";
let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ frameBytesMax: 65_536 });
});
afterAll(() => server[Symbol.asyncDispose]());

const refusals: [string, string, string[]][] = [
  ["a publish that is too large", "POST /rooms/a/messages", []],
  ["a publish to no room", "POST /rooms/%00/messages", []],
  ["a foreign page", "POST /rooms/a/messages", [foreign]],
  ["a foreign page's delete", "DELETE /rooms/a", [foreign]],
  ["a route that is none", "POST /nowhere", []],
  ["a method that a page has not", "POST /", []],
];

test.each(refusals)("%s is refused once its body is whole", async (_, line, headers) => {
  using tcp = new Tcp(server.port);
  tcp.request(`${line} HTTP/1.1`, "Content-Length: 70000", ...headers);
  tcp.write("x".repeat(30_000));
  await server.fetch("/livez");
  expect(tcp.text).toBe("");
  tcp.write("x".repeat(40_000));
  await tcp.match(/^HTTP\/1.1 4\d\d /);
  tcp.request("GET /livez HTTP/1.1");
  await tcp.match(/HTTP\/1.1 200 OK/);
  expect(tcp.text).not.toMatch(/^connection: close/im);
});

test("a refusal ends the connection where the body does not come", async () => {
  const end = async ([, line, headers]: (typeof refusals)[number]) => {
    using tcp = new Tcp(server.port);
    tcp.request(`${line} HTTP/1.1`, "Content-Length: 70000", ...headers);
    tcp.write("x".repeat(30_000));
    await tcp.match(/^HTTP\/1.1 4\d\d [\s\S]*^connection: close/im);
    await tcp.match(/"code":/);
    await tcp.closed();
  };
  await Promise.all(refusals.map(end));
});

test("a body over what is read for nothing ends the connection at once", async () => {
  using tcp = new Tcp(server.port);
  tcp.request("POST /rooms/a/messages HTTP/1.1", "Content-Length: 3000000");
  await tcp.match(/^HTTP\/1.1 413 [\s\S]*^connection: close/im);
  await tcp.closed();
});

test("chunks are read for nothing up to a bound, too", async () => {
  using tcp = new Tcp(server.port);
  tcp.request("POST /nowhere HTTP/1.1", "Transfer-Encoding: chunked");
  const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
  for (let index = 0; index < 34; index += 1) tcp.write(chunk);
  await tcp.match(/^HTTP\/1.1 404 [\s\S]*^connection: close/im);
  await tcp.closed();
  using other = new Tcp(server.port);
  other.request("POST /rooms/a/messages HTTP/1.1", "Transfer-Encoding: chunked");
  other.write(`${chunk}${chunk}0\r\n\r\n`);
  await other.match(/^HTTP\/1.1 413 /);
  other.request("GET /livez HTTP/1.1");
  await other.match(/HTTP\/1.1 200 OK/);
});

test.each(["GET /livez", "GET /rooms", "GET /openapi.json", "GET /nowhere", "GET /rooms/a/events"])(
  "%s with a body nobody asked for ends the connection",
  async (line) => {
    using tcp = new Tcp(server.port);
    tcp.request(`${line} HTTP/1.1`, "Content-Length: 70000");
    await tcp.match(/^HTTP\/1.1 \d+ [\s\S]*^connection: close/im);
    if (line.endsWith("events")) return;
    await tcp.closed();
  },
);

test("a body that was read to its end keeps the connection, whatever it is answered", async () => {
  using tcp = new Tcp(server.port);
  const json = "Content-Type: application/json";
  for (const [type, status] of [
    [json, 400],
    ["Content-Type: text/plain", 201],
  ] as const) {
    tcp.request("POST /rooms/a/messages HTTP/1.1", type, "Content-Length: 2");
    tcp.write("{}");
    await tcp.match(new RegExp(`HTTP/1.1 ${status} `));
  }
  expect(tcp.text).not.toMatch(/^connection: close/im);
});
