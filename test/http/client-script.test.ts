import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildClient } from "../../public/build.ts";
import { clientScript } from "../../src/http/client-script.ts";
import { TestServer } from "../support/server.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

let server: TestServer;
let folder: TemporaryFolder;
beforeAll(async () => {
  server = await TestServer.start();
  folder = createTemporaryFolder();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

test("the client's script may be imported by any page, and is asked for cheaply", async () => {
  const origin = "http://elsewhere.example";
  const response = await server.fetch("/client.js", { headers: { origin } });
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "text/javascript; charset=utf-8",
    "cache-control": "no-cache",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
  });
  const etag = response.headers.get("etag") ?? "";
  expect(etag).not.toBe("");
  const again = await server.fetch("/client.js", { headers: { "if-none-match": etag } });
  expect(again.status).toBe(304);
});

test("the client's types stand beside it, for whoever fetches both", async () => {
  const response = await server.fetch("/client.d.ts");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(await response.text()).toContain("export declare function connect(");
});

test("the client's script, imported from the server, connects to it without being told where", async () => {
  const script = join(folder.path, "page.mjs");
  await buildClient(folder.path);
  // Bun imports no module from a server; a page would find it beside its own address.
  const text = await Bun.file(join(folder.path, "client.js")).text();
  expect(text).toContain("import.meta.url");
  writeFileSync(
    script,
    text.replaceAll("import.meta.url", JSON.stringify(`${server.url}/client.js`)),
  );
  const { connect } = await import(script);
  const line = connect();
  expect(await line.join("imported").publish(1)).toEndWith(":1");
  line.close();
});

test("the client's script is missed at the start where it was not built", () => {
  expect(() => clientScript(join(folder.path, "nowhere"))).toThrow("build:web");
});
