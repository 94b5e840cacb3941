/** The manual as it is served: rendered, linked, inert. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Elysia } from "elysia";
import { buildWebApp } from "../../public/build.ts";
import { docs } from "../../src/http/docs.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

const guide = `# A guide

First words with \`code\` and $& and {body}.

See [the errors](wire.md#errors), [below](#not_found) and https://example.org/x.

## Some Heading

<script>alert(1)</script>

| code | meaning |
|---|---|
| \`not_found\` | gone |
`;

let folder: TemporaryFolder;
let url: string;
let app: { stop(): Promise<unknown> };

beforeAll(async () => {
  folder = createTemporaryFolder();
  const pages = join(folder.path, "pages");
  mkdirSync(pages);
  writeFileSync(join(pages, "guide.md"), guide);
  writeFileSync(join(pages, "wire.md"), "# The wire\n\nWords.\n\n## Errors\n\nMany.\n");
  writeFileSync(join(pages, "picture.png"), "not really a picture");
  writeFileSync(join(pages, "dashboard.json"), '{"title":"A dashboard"}');
  writeFileSync(join(pages, "secret.txt"), "not for readers");
  await buildWebApp(join(folder.path, "web"));
  const made = new Elysia().use(docs(pages, join(folder.path, "web")));
  made.listen({ port: 0, hostname: "127.0.0.1" });
  app = made;
  url = `http://127.0.0.1:${made.server?.port}`;
});

afterAll(async () => {
  await app.stop();
  folder[Symbol.dispose]();
});

async function read(path: string): Promise<string> {
  const response = await fetch(url + path);
  expect(response.status).toBe(200);
  return response.text();
}

/** Where a link leads that stands in a page. */
function linksOf(html: string, path: string): string[] {
  return [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = ""]) => {
    return new URL(link, `${url}${path}`).href;
  });
}

describe("the manual", () => {
  test("lists its pages with their first words", async () => {
    const html = await read("/docs");
    expect(html).toContain('<a href="docs/guide">A guide</a>');
    expect(html).toContain("First words with <code>code</code>");
    expect(html).toContain('<a href="docs/wire">The wire</a>');
  });

  test("renders a page with its title, the list of all pages, and anchors", async () => {
    const html = await read("/docs/guide");
    expect(html).toContain("<title>A guide · Partyline</title>");
    expect(html).toContain('<a href="guide" aria-current="page">A guide</a>');
    expect(html).toContain('id="some-heading"');
    expect(html).toContain('href="wire#errors"');
    expect(html).toContain("and $&amp; and {body}.");
    expect(html).toContain('<div class="wide" tabindex="0"><table>');
  });

  test("has links that all lead somewhere, from the list and from the pages", async () => {
    for (const path of ["/docs", "/docs/guide", "/docs/wire"]) {
      for (const link of linksOf(await read(path), path)) {
        if (!link.startsWith(url)) continue;
        const target = new URL(link);
        if (target.pathname === "/" || target.pathname.startsWith("/assets/")) continue;
        const html = await read(target.pathname);
        if (target.hash !== "" && target.hash !== "#not_found") {
          expect(html).toContain(`id="${target.hash.slice(1)}"`);
        }
      }
    }
  });

  test("runs nothing: markup in a page is text, and the policy allows no script", async () => {
    const response = await fetch(`${url}/docs/guide`);
    const policy = response.headers.get("content-security-policy");
    expect(policy).toStartWith("default-src 'none'; style-src 'self'; img-src 'self';");
    expect(policy).not.toContain("script");
    const html = await response.text();
    expect(html).toContain("&lt;script&gt;");
    expect(html).not.toContain("<script");
  });

  test("gives the source of a page, pictures, and nothing else of its folder", async () => {
    const response = await fetch(`${url}/docs/guide.md`);
    expect(response.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
    expect(await response.text()).toBe(guide);
    const picture = await fetch(`${url}/docs/picture.png`);
    expect(picture.headers.get("content-type")).toBe("image/png");
    const dashboard = await fetch(`${url}/docs/dashboard.json`);
    expect(dashboard.headers.get("content-type")).toBe("application/json");
    expect(await dashboard.json()).toEqual({ title: "A dashboard" });
    for (const path of ["/docs/secret.txt", "/docs/secret", "/docs/nothing", "/docs/..%2fguide"]) {
      expect((await fetch(url + path)).status).toBe(404);
    }
  });

  test("revalidates a page by a strong validator", async () => {
    const etag = (await fetch(`${url}/docs/guide`)).headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[^"]+"$/);
    const again = await fetch(`${url}/docs/guide`, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
  });

  test("leads from /docs/ to /docs, below which its links are right", async () => {
    const response = await fetch(`${url}/docs/`, { redirect: "manual" });
    expect(response.status).toBe(308);
    expect(new URL(response.headers.get("location") ?? "", `${url}/docs/`).pathname).toBe("/docs");
  });
});
