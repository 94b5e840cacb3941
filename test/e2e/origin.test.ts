import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildWebApp } from "../../public/build.ts";
import { fromSource, startProgram } from "../support/program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

await buildWebApp(join(import.meta.dir, "..", "..", "dist", "web"));

const folder = createTemporaryFolder();
const flags = ["--port", "0", "--log-level", "silent", "--data"];
const closed = await startProgram([...fromSource, ...flags, join(folder.path, "a")], folder.path);
const open = await startProgram(
  [
    ...[...fromSource, ...flags, join(folder.path, "b")],
    ...["--allow-origin", "https://chat.example", "--allow-origin", "https://*.team.example"],
  ],
  folder.path,
);
writeFileSync(join(folder.path, "b", "files", "a.txt"), "0123456789");

afterAll(async () => {
  await Promise.all([closed.end("SIGTERM"), open.end("SIGTERM")]);
  folder[Symbol.dispose]();
});

/** The DOM's types, which the web app needs, do not know Bun's options. */
const BunSocket = WebSocket as unknown as new (
  url: string,
  options: Bun.WebSocketOptions,
) => WebSocket;

/** Tells whether a WebSocket with these headers opens. */
async function opens(url: string, headers: Record<string, string>): Promise<boolean> {
  const socket = new BunSocket(url.replace("http", "ws"), { headers });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.onopen = () => resolve(true);
  socket.onerror = () => resolve(false);
  socket.onclose = () => resolve(false);
  const isOpen = await promise;
  socket.close();
  return isOpen;
}

describe.each(["/ws", "/ws/echo"])("a WebSocket at %s", (path) => {
  const { port } = new URL(closed.url);
  const local = `http://localhost:${port}`;
  const evil = `http://evil.example:${port}`;

  test.each<[string, Record<string, string>, boolean]>([
    ["no page", {}, true],
    ["a page of this server", { origin: closed.url }, true],
    ["one by its other name", { origin: local, host: local.slice(7) }, true],
    ["one that knows it by another name", { origin: local }, false],
    ["a foreign page", { origin: "https://evil.example" }, false],
    ["a page without an origin", { origin: "null" }, false],
    ["a page on another port", { origin: "http://127.0.0.1" }, false],
    ["a page whose origin begins alike", { origin: `${closed.url}.evil.example` }, false],
    ["a page of an endless origin", { origin: `https://${"a".repeat(8_000)}` }, false],
    ["nobody, to a foreign name", { host: "evil.example" }, false],
    ["a page whose name leads here", { host: evil.slice(7), origin: evil }, false],
  ])("is opened or refused for %s", async (_, headers, isOpen) => {
    expect(await opens(`${closed.url}${path}`, headers)).toBe(isOpen);
  });

  test("lets pages of allowed origins in, and no others", async () => {
    const target = `${open.url}${path}`;
    expect(await opens(target, { origin: "https://chat.example" })).toBe(true);
    expect(await opens(target, { origin: "https://a.team.example" })).toBe(true);
    expect(await opens(target, { origin: "https://chat.example.evil.example" })).toBe(false);
    expect(await opens(target, { origin: "http://chat.example" })).toBe(false);
  });
});

test("a foreign page publishes nothing", async () => {
  const room = `${closed.url}/rooms/quiet/messages`;
  const pages: Record<string, string>[] = [
    { origin: "https://evil.example", "content-type": "text/plain" },
    { origin: "null", "content-type": "application/x-www-form-urlencoded" },
    { "sec-fetch-site": "cross-site", "content-type": "text/plain" },
  ];
  for (const headers of pages) {
    const { status } = await fetch(room, { method: "POST", body: "x", headers });
    expect(status).toBe(403);
  }
  expect(await (await fetch(room)).json()).toMatchObject({ messages: [] });
  const own = { origin: closed.url, "content-type": "text/plain" };
  expect((await fetch(room, { method: "POST", body: "x", headers: own })).status).toBe(201);
});

test("a page whose name was made to lead here reads nothing", async () => {
  const headers = { host: "evil.example:8080" };
  for (const path of ["/rooms", "/rooms/a/messages", "/rooms/a/events", "/files/", "/metrics"]) {
    const response = await fetch(`${closed.url}${path}`, { headers });
    expect([path, response.status]).toEqual([path, 403]);
    await response.body?.cancel();
  }
});

test("an allowed page reads messages, streams and files, and learns why something failed", async () => {
  const headers = { origin: "https://a.team.example" };
  for (const [path, status] of [
    ["/rooms", 200],
    ["/rooms/a/messages", 200],
    ["/rooms/a/events", 200],
    ["/events?room=a&room=b", 200],
    ["/files/a.txt", 200],
    ["/rooms/%24%24%20/messages", 400],
    ["/nothing", 404],
  ] as const) {
    const response = await fetch(`${open.url}${path}`, { headers });
    const { headers: answer } = response;
    expect([path, response.status]).toEqual([path, status]);
    expect(answer.get("access-control-allow-origin")).toBe("https://a.team.example");
    expect(answer.get("vary")).toContain("Origin");
    await response.body?.cancel();
  }
  const range = { ...headers, range: "bytes=2-4" };
  const part = await fetch(`${open.url}/files/a.txt`, { headers: range });
  expect([part.status, await part.text()]).toEqual([206, "234"]);
  const foreign = await fetch(`${open.url}/rooms`, { headers: { origin: "https://evil.example" } });
  expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
});

test("every answer says how it is meant", async () => {
  const page = await fetch(closed.url);
  const assets = [...(await page.text()).matchAll(/"\.\/(assets\/[^"]+)"/g)].map(
    ([, x]) => `/${x}`,
  );
  expect(assets.length).toBeGreaterThan(0);
  const paths = ["/", ...assets, "/favicon.ico", "/docs", "/docs/protocol", "/docs/protocol.md"];
  paths.push("/docs/chat.png", "/openapi.json", "/rooms", "/rooms/a/messages", "/rooms/a/members");
  paths.push("/rooms/a/events", "/livez", "/readyz", "/metrics", "/files/", "/ws", "/nothing");
  for (const path of paths) {
    const response = await fetch(`${closed.url}${path}`);
    await response.body?.cancel();
    const { headers } = response;
    expect([path, headers.get("x-content-type-options")]).toEqual([path, "nosniff"]);
    expect([path, headers.get("referrer-policy")]).toEqual([path, "no-referrer"]);
    expect([path, headers.get("cross-origin-resource-policy")]).toEqual([path, "same-origin"]);
    expect([path, headers.get("strict-transport-security")]).toEqual([path, null]);
  }
  const { headers } = await fetch(closed.url);
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'; script-src 'self'");
  expect(policy).not.toContain("unsafe");
  expect(headers.get("permissions-policy")).toContain("camera=()");
  expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
});
