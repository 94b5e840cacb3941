import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Chromium, hasChromium, TestServer, testMsMax } from "./chromium.ts";

const isSkipped = !hasChromium;
let browser: Chromium;
let server: TestServer;
let allowing: TestServer;
let foreign: Bun.Server<undefined>;

beforeAll(async () => {
  if (isSkipped) return;
  browser = await Chromium.launch();
  const html = { headers: { "content-type": "text/html" } };
  foreign = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("", html) });
  server = await TestServer.start();
  allowing = await TestServer.start({ allowOrigin: `http://127.0.0.1:${foreign.port}` });
  for (const name of ["x.js", "x.mjs", "x.es"]) {
    writeFileSync(join(server.filesFolder, name), "document.title = 'taken';");
  }
  writeFileSync(join(server.filesFolder, "x.css"), "body { display: none }");
}, testMsMax);

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
  await allowing?.[Symbol.asyncDispose]();
  await foreign?.stop(true);
});

/** What a page of another origin may do with a server. Runs in the page. */
async function tryAll(base: string) {
  const attempt = async (act: () => Promise<unknown>) => {
    try {
      return await act();
    } catch {
      return "refused";
    }
  };
  const read = await attempt(async () => (await fetch(`${base}rooms`)).status);
  const send = await attempt(async () => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ content: "from afar" });
    return (await fetch(`${base}rooms/a/messages`, { method: "POST", headers, body })).status;
  });
  const sendPlainly = await attempt(async () => {
    const init = { method: "POST", body: "from afar", mode: "no-cors" } as const;
    return (await fetch(`${base}rooms/plain/messages`, init)).type;
  });
  const opens = (target: EventTarget & { close(): void }) =>
    new Promise((resolve) => {
      target.addEventListener("open", () => resolve("open"));
      target.addEventListener("error", () => resolve("refused"));
    }).finally(() => target.close());
  const socket = await opens(new WebSocket(`${base.replace("http", "ws")}ws`));
  const stream = await opens(new EventSource(`${base}rooms/a/events`));
  return { read, send, sendPlainly, socket, stream };
}

const stored = async ({ url }: TestServer, room: string) =>
  ((await (await fetch(`${url}rooms/${room}/messages`)).json()) as { messages: unknown[] })
    .messages;

test.skipIf(isSkipped)(
  "a foreign page reads nothing, stores nothing and gets no connection",
  async () => {
    const page = await browser.visit(`http://127.0.0.1:${foreign.port}/`);
    const found = await page.evaluate(tryAll, server.url);
    expect(found).toEqual({
      read: "refused",
      send: "refused",
      sendPlainly: "refused",
      socket: "refused",
      stream: "refused",
    });
    expect(await stored(server, "a")).toEqual([]);
    expect(await stored(server, "plain")).toEqual([]);
  },
  testMsMax,
);

test.skipIf(isSkipped)(
  "a page of an allowed origin may do all of it",
  async () => {
    const page = await browser.visit(`http://127.0.0.1:${foreign.port}/`);
    expect(await page.evaluate(tryAll, allowing.url)).toMatchObject({
      read: 200,
      send: 201,
      socket: "open",
      stream: "open",
    });
  },
  testMsMax,
);

test.skipIf(isSkipped)(
  "no file of the folder runs in our pages, or dresses them",
  async () => {
    const page = await browser.visit(server.url);
    // A page of our origin with the app's rule for scripts, but without its Trusted Types, which
    // would stop this before the file's media type is looked at.
    const policy = "script-src 'self'; style-src 'self'";
    await page.route("**/probe", (route) =>
      route.fulfill({
        contentType: "text/html",
        headers: { "content-security-policy": policy },
        body: "<title>probe</title>",
      }),
    );
    await page.goto(`${server.url}probe`);
    const own = await page.evaluate(async (url) => {
      const { status } = await fetch(url);
      return status;
    }, `${server.url}files/x.js`);
    expect(own).toBe(200);
    for (const [tag, attribute, name] of [
      ["script", "src", "x.js"],
      ["script", "src", "x.mjs"],
      ["script", "src", "x.es"],
      ["link", "href", "x.css"],
    ] as const) {
      const outcome = await page.evaluate(
        ([tag, attribute, url]) =>
          new Promise((resolve) => {
            const element = document.createElement(tag);
            element.setAttribute("rel", "stylesheet");
            element.setAttribute(attribute, url);
            element.addEventListener("load", () => resolve("loaded"));
            element.addEventListener("error", () => resolve("refused"));
            document.head.append(element);
          }),
        [tag, attribute, `${server.url}files/${name}`] as const,
      );
      expect([name, outcome]).toEqual([name, "refused"]);
    }
    expect(await page.title()).toBe("probe");
  },
  testMsMax,
);
