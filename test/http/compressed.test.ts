import { expect, test } from "bun:test";
import { compressed } from "../../src/http/compressed.ts";

const text = Buffer.from("let me be small; ".repeat(100));
const headers = { "content-type": "text/javascript", "cache-control": "no-cache" };

function ask(given: Record<string, string>) {
  const request = new Request("http://127.0.0.1/x.js", { headers: given });
  return compressed(Uint8Array.from(text), headers)({ request });
}

test("a text is gzipped for whoever takes gzip, and for nobody else", async () => {
  for (const [field, isGzipped] of [
    ["gzip", true],
    ["gzip, deflate, br, zstd", true],
    ["br;q=1.0, gzip;q=0.8", true],
    ["GZIP", true],
    ["*", true],
    ["gzip;q=0.001", true],
    ["gzip;q=0", false],
    ["gzip;q=0.000, br", false],
    ["identity", false],
    ["x-gzip-like", false],
    ["", false],
  ] as const) {
    const response = ask({ "accept-encoding": field });
    expect([field, response.headers.get("content-encoding")]).toEqual([
      field,
      isGzipped ? "gzip" : null,
    ]);
    expect(response.headers.get("vary")).toBe("Accept-Encoding");
    expect(response.headers.get("content-type")).toBe("text/javascript");
    const bytes = await response.bytes();
    expect(Buffer.from(isGzipped ? Bun.gunzipSync(bytes) : bytes).equals(text)).toBe(true);
    if (isGzipped) expect(bytes.length).toBeLessThan(200);
  }
});

test("each form has a validator of its own, and asking with it costs a 304", () => {
  const plain = ask({}).headers.get("etag") ?? "";
  const zipped = ask({ "accept-encoding": "gzip" }).headers.get("etag") ?? "";
  expect(plain).not.toBe(zipped);
  expect(ask({ "if-none-match": plain }).status).toBe(304);
  expect(ask({ "if-none-match": zipped }).status).toBe(200);
  const again = ask({ "if-none-match": zipped, "accept-encoding": "gzip" });
  expect([again.status, again.headers.get("etag")]).toEqual([304, zipped]);
});
