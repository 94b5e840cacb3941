import { expect, test } from "bun:test";
import { HttpCalls } from "../../src/client/http-calls.ts";
import { LineError } from "../../src/client/line-error.ts";

/** Asks for something that is answered like this, and returns the failure. */
async function fail(answer: Response): Promise<unknown> {
  const calls = new HttpCalls("http://127.0.0.1/", { fetch: async () => answer });
  return calls.open("rooms/a/messages", {}).catch((error: unknown) => error);
}

test("a refusal is as the server says it", async () => {
  const problem = { code: "rate_limited", detail: "Too many.", retryAfterMs: 700 };
  const headers = { "retry-after": "1" };
  const error = await fail(Response.json(problem, { status: 429, headers }));
  expect(error).toEqual(new LineError("rate_limited", "Too many.", 700));
});

test("a proxy's refusal without a body, or with nothing in it, passes by itself, too", async () => {
  for (const body of [null, "", "null", "502"]) {
    const listener = Bun.serve({ port: 0, fetch: () => new Response(body, { status: 502 }) });
    const error = await fail(await fetch(listener.url)).finally(() => listener.stop(true));
    expect(error).toEqual(new LineError("unavailable", "Status 502"));
  }
});

test("an answer that is empty is none", async () => {
  const calls = new HttpCalls("http://127.0.0.1/", { fetch: async () => new Response("null") });
  await expect(calls.get("rooms/a")).rejects.toMatchObject({ code: "unavailable" });
});

test("a proxy's own refusal passes by itself, after the delay that the proxy tells", async () => {
  for (const [given, told] of [
    ["3", 3_000],
    ["Fri, 01 Jan 2027 00:00:00 GMT", undefined],
    ["soon", undefined],
    ["0", undefined],
  ] as const) {
    const headers = { "retry-after": given };
    const error = await fail(new Response("<h1>503</h1>", { status: 503, headers }));
    expect(error).toMatchObject({ code: "unavailable" });
    expect([given, error instanceof LineError && error.retryAfterMs]).toEqual([given, told]);
  }
});
