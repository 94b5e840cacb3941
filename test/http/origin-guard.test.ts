import { afterAll, describe, expect, test } from "bun:test";
import { Elysia } from "elysia";
import { createOrigins } from "../../src/auth/origin.ts";
import { crossOrigin, withAnswerHeaders } from "../../src/http/answer-headers.ts";
import { failure } from "../../src/http/failure.ts";
import { originGuard } from "../../src/http/origin-guard.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
const path = `${folder.path}/file.bin`;
await Bun.write(path, "0123456789");
let isStreamOpen = false;
const apps: { stop(): unknown }[] = [];

afterAll(() => {
  for (const app of apps) app.stop();
  folder[Symbol.dispose]();
});

function start(allowed: string | null, trustsNetwork: boolean) {
  const origins = createOrigins(allowed);
  const app = new Elysia()
    .use(failure(createLog("silent", "json"), { "x-always": "yes" }))
    .use(withAnswerHeaders({ "x-always": "yes" }))
    .use(originGuard({ origins, trustsNetwork: () => trustsNetwork }))
    .use(crossOrigin(origins))
    .get("/rooms", () => Response.json({ rooms: [] }, { headers: { vary: "Accept" } }))
    .post("/rooms", () => new Response(null, { status: 201 }))
    .get("/file", () => new Response(Bun.file(path), { headers: { etag: '"x"' } }))
    .get("/stream", ({ request }) => {
      isStreamOpen = true;
      request.signal.addEventListener("abort", () => {
        isStreamOpen = false;
      });
      return new Response(count(request.signal) as unknown as ReadableStream, {
        headers: { "content-type": "text/event-stream" },
      });
    })
    .listen({ hostname: "127.0.0.1", port: 0 });
  apps.push(app);
  return `http://127.0.0.1:${app.server?.port}`;
}

async function* count(signal: AbortSignal) {
  yield Buffer.from(": hello\n\n");
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
}

const closed = start(null, true);
const open = start("https://chat.example,https://*.team.example", false);
const evil = { origin: "https://evil.example" };
const chat = { origin: "https://chat.example" };

describe("a request that changes something", () => {
  test.each([
    ["no page", {}, 201],
    ["a page of this server", { origin: closed }, 201],
    ["a page of another origin", evil, 403],
    ["a page without an origin", { origin: "null" }, 403],
    ["a page on another port", { origin: "http://127.0.0.1:1" }, 403],
    ["a page by another name", { origin: closed.replace("127.0.0.1", "localhost") }, 403],
    ["a page of this server over TLS, behind a proxy", { origin: "https://127.0.0.1" }, 403],
    ["a browser that tells only that it is foreign", { "sec-fetch-site": "cross-site" }, 403],
    ["a browser that tells of a neighbour", { "sec-fetch-site": "same-site" }, 403],
    ["a browser that tells that it is not", { "sec-fetch-site": "same-origin" }, 201],
    ["a person", { "sec-fetch-site": "none" }, 201],
  ] as const)("from %s", async (_, headers, status) => {
    const response = await fetch(`${closed}/rooms`, { method: "POST", headers });
    expect(response.status).toBe(status);
    if (status !== 403) return;
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ code: "forbidden", status: 403 });
  });

  test("is refused by any method but GET and HEAD, also where nothing is", async () => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const response = await fetch(`${closed}/nothing`, { method, headers: evil });
      expect([method, response.status]).toEqual([method, 403]);
    }
  });

  test("is refused from plain HTTP where a proxy says that it took off TLS", async () => {
    const post = (headers: Record<string, string>) =>
      fetch(`${closed}/rooms`, { method: "POST", headers: { origin: closed, ...headers } });
    expect((await post({ "x-forwarded-proto": "https" })).status).toBe(403);
    expect((await post({ forwarded: "for=192.0.2.1;proto=https" })).status).toBe(403);
    expect((await post({ "x-forwarded-proto": "http" })).status).toBe(201);
  });
});

describe("an upgrade", () => {
  const upgrade = { upgrade: "WebSocket", connection: "Upgrade" };

  test.each([
    [{}, 200],
    [{ origin: closed }, 200],
    [evil, 403],
    [{ origin: "null" }, 403],
    [{ "sec-fetch-site": "cross-site" }, 403],
  ] as const)("with %p", async (headers, status) => {
    const response = await fetch(`${closed}/rooms`, { headers: { ...upgrade, ...headers } });
    expect(response.status).toBe(status);
  });
});

describe("a host that is no name of this machine", () => {
  test.each(["GET", "POST"])("is refused on loopback without keys: %s", async (method) => {
    const response = await fetch(`${closed}/rooms`, {
      method,
      headers: { host: "evil.example:8080", origin: "http://evil.example:8080" },
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      code: "forbidden",
      detail: expect.stringContaining("allow-origin"),
    });
  });

  test("is taken where it is that of an allowed origin, or where tokens decide", async () => {
    const proxied = start("https://chat.example", true);
    const ask = (base: string, host: string) => fetch(`${base}/rooms`, { headers: { host } });
    expect((await ask(proxied, "chat.example")).status).toBe(200);
    expect((await ask(proxied, "evil.example")).status).toBe(403);
    expect((await ask(open, "any.example")).status).toBe(200);
    expect((await ask(closed, "localhost")).status).toBe(200);
  });
});

describe("CORS", () => {
  const corsOf = ({ headers }: Response) =>
    [...headers.keys()].filter((name) => name.startsWith("access-control-")).sort();

  test("lets allowed pages read", async () => {
    const { headers } = await fetch(`${open}/rooms`, { headers: chat });
    expect(headers.get("access-control-allow-origin")).toBe("https://chat.example");
    expect(headers.get("access-control-expose-headers")).toContain("retry-after");
    expect(headers.get("access-control-allow-credentials")).toBeNull();
    expect(headers.get("vary")).toBe("Accept, Origin");
  });

  test("lets allowed pages read why something failed", async () => {
    const response = await fetch(`${open}/nothing`, { headers: chat });
    expect(response.status).toBe(404);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://chat.example");
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ code: "not_found" });
  });

  test("says nothing to other pages, but that the answer depends on who asks", async () => {
    for (const headers of [evil, { origin: "null" }, {}]) {
      const response = await fetch(`${open}/rooms`, { headers });
      expect(corsOf(response)).toEqual([]);
      expect(response.headers.get("vary")).toBe("Accept, Origin");
    }
  });

  test("is not there where no origin is allowed", async () => {
    const response = await fetch(`${closed}/rooms`, { headers: chat });
    expect(corsOf(response)).toEqual([]);
    expect(response.headers.get("vary")).toBe("Accept");
  });

  test("answers preflights of allowed pages, and refuses those of others", async () => {
    const preflight = (origin: string) =>
      fetch(`${open}/rooms`, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type",
        },
      });
    const allowed = await preflight("https://a.team.example");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://a.team.example");
    expect(allowed.headers.get("access-control-allow-methods")).toContain("POST");
    expect(allowed.headers.get("access-control-allow-headers")).toContain("authorization");
    expect(allowed.headers.get("access-control-max-age")).toBe("600");
    const refused = await preflight("https://evil.example");
    expect(refused.status).toBe(403);
    expect(corsOf(refused)).toEqual([]);
  });

  test("leaves a file its ranges, and a stream its first bytes and its end", async () => {
    const file = await fetch(`${open}/file`, { headers: { ...chat, range: "bytes=2-4" } });
    expect(file.status).toBe(206);
    expect(file.headers.get("content-range")).toBe("bytes 2-4/10");
    expect(file.headers.get("access-control-allow-origin")).toBe("https://chat.example");
    expect(await file.text()).toBe("234");

    const abort = new AbortController();
    const stream = await fetch(`${open}/stream`, { headers: chat, signal: abort.signal });
    expect(stream.headers.get("access-control-allow-origin")).toBe("https://chat.example");
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    const { value } = (await stream.body?.getReader().read()) ?? {};
    expect(Buffer.from(value ?? []).toString()).toBe(": hello\n\n");
    expect(isStreamOpen).toBe(true);
    abort.abort();
    const end = performance.now() + 5_000;
    while (isStreamOpen && performance.now() < end) await Bun.sleep(5);
    expect(isStreamOpen).toBe(false);
  });
});

test("every answer is not sniffed, not embedded elsewhere, and leaks no address", async () => {
  const answers = await Promise.all([
    fetch(`${open}/rooms`),
    fetch(`${open}/rooms`, { method: "POST" }),
    fetch(`${open}/nothing`),
    fetch(`${open}/file`, { headers: { range: "bytes=0-1" } }),
    fetch(`${open}/rooms`, { method: "POST", headers: evil }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 201, 404, 206, 403]);
  for (const { headers } of answers) {
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("x-always")).toBe("yes");
  }
});
