import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Elysia } from "elysia";
import { failure, respondProblem } from "../../src/http/failure.ts";
import { PartylineError } from "../../src/protocol/errors.ts";
import { TestServer } from "../support/server.ts";
import { Tcp } from "../support/tcp.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

describe("a request for nothing there is", () => {
  test("is not found, with a problem, whatever the method", async () => {
    for (const [method, path] of [
      ["GET", "/nowhere"],
      ["GET", "/rooms/a/b/c"],
      ["DELETE", "/rooms/a/messages"],
      ["PATCH", "/rooms"],
      ["POST", "/ws"],
      ["PUT", "/livez"],
      ["OPTIONS", "/rooms/a/nothing"],
    ]) {
      const response = await server.fetch(path ?? "", { method });
      expect([method, path, response.status]).toEqual([method, path, 404]);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({ status: 404, code: "not_found" });
    }
  });

  test("is answered however odd its address is", async () => {
    for (const path of [
      "/rooms/%",
      "/rooms/%zz/messages",
      "/rooms/%ff/events",
      "/rooms/%00/messages",
      "/rooms/../../etc/passwd",
      "/rooms//messages",
      "//",
      `/${"a".repeat(8_000)}`,
      "/rooms/a/messages?%",
      "/rooms/a/messages?since=%ff",
      "/?__proto__[x]=1",
    ]) {
      using tcp = new Tcp(server.port);
      tcp.request(`GET ${path} HTTP/1.1`, "Connection: close");
      const [, status] = await tcp.match(/^HTTP\/1.1 (\d+)/);
      expect([path, Number(status) < 500]).toEqual([path, true]);
    }
    expect((await server.fetch("/livez")).status).toBe(200);
  });
});

test("HEAD has the headers of GET and no body", async () => {
  for (const path of ["/livez", "/rooms", "/rooms/a/messages"]) {
    const [head, get] = [await server.fetch(path, { method: "HEAD" }), await server.fetch(path)];
    expect([path, head.status, await head.text()]).toEqual([path, 200, ""]);
    expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
  }
});

describe("a thrown value", () => {
  const lines: object[] = [];
  const note = (fields: object) => void lines.push(fields);
  const log = { isDebug: false, debug: note, info: note, warn: note, error: note };
  const app = new Elysia()
    .use(failure(log))
    .get("/defect", () => {
      throw new TypeError("secret of the house");
    })
    .get("/expected", () => {
      throw new PartylineError("rate_limited", "Slow down.", 1_500);
    });
  const ask = (path: string) => app.handle(new Request(`http://localhost${path}`));

  test("that nobody expected becomes internal, and stands in the log without the query", async () => {
    const response = await ask("/defect?access_token=hidden");
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).toContain('"internal"');
    expect(text).not.toContain("secret");
    expect(lines).toMatchObject([{ method: "GET", path: "/defect" }]);
    expect(JSON.stringify(lines)).not.toContain("hidden");
  });

  test("that is expected becomes its problem, with when to come back in whole seconds", async () => {
    lines.length = 0;
    const response = await ask("/expected");
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "2"]);
    expect(await response.json()).toMatchObject({ code: "rate_limited", retryAfterMs: 1_500 });
    expect(lines).toEqual([]);
  });
});

test("a problem is never kept by a cache", () => {
  const response = respondProblem(new PartylineError("not_found", "No."));
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("retry-after")).toBeNull();
});
