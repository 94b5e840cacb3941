/** The page of the manual, as it is given there, from a web server of its own. */

import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { readText } from "../support/source-tree.ts";
import { settled, TestServer } from "./chromium.ts";
import { describeInChromium } from "./stage.ts";

const manual = await readText("public/docs/client.md");
const [, html = ""] = /```html\n([\s\S]*?)```/.exec(manual) ?? [];

function lines(page: Page): Promise<string[]> {
  return page.locator("#list li").allTextContents();
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator("#text").fill(text);
  await page.locator("#text").press("Enter");
}

test("the chat of the manual has fifteen lines at most", () => {
  expect(html).toContain("/client.js");
  expect(html.trim().split("\n").length).toBeLessThanOrEqual(15);
});

describeInChromium(
  "the chat of the manual",
  (stage) => {
    test("goes on where it was after the network was gone, and says what was said there", async () => {
      using web = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        fetch: () => new Response(page, { headers: { "content-type": "text/html" } }),
      });
      const origin = `http://127.0.0.1:${web.port}`;
      await using server = await TestServer.start({ allowOrigin: origin });
      const page = html.replaceAll("http://127.0.0.1:8080", server.url.slice(0, -1));
      const ada = await stage.chromium.visit(`${origin}/chat.html`);
      await say(ada, "hello");
      const first = await settled(
        () => lines(ada),
        (seen) => seen.length === 1,
      );
      expect(first).toEqual(["Ada: hello"]);
      await ada.context().setOffline(true);
      await ada.waitForFunction("!navigator.onLine");
      await server.publish("general", "while you were away", "Bob");
      await say(ada, "from nowhere");
      expect(await lines(ada)).toEqual(first);
      await ada.context().setOffline(false);
      const all = await settled(
        () => lines(ada),
        (seen) => seen.length >= 3,
      );
      expect(all).toEqual([...first, "Bob: while you were away", "Ada: from nowhere"]);
    });
  },
  { overrides: null, expected: /^request to another host|ERR_INTERNET_DISCONNECTED/ },
);
