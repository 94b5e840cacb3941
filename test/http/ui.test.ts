/** The web app as it is served: fixed files, strong validators, a strict policy. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Elysia } from "elysia";
import { buildWebApp } from "../../public/build.ts";
import { toStaticRoutes } from "../../src/http/page.ts";
import { ui } from "../../src/http/ui.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

let folder: TemporaryFolder;
let url: string;
let app: { stop(): Promise<unknown> };

beforeAll(async () => {
  folder = createTemporaryFolder();
  await buildWebApp(folder.path);
  const made = new Elysia().use(await ui(folder.path));
  made.listen({ port: 0, hostname: "127.0.0.1" });
  app = made;
  url = `http://127.0.0.1:${made.server?.port}`;
});

afterAll(async () => {
  await app.stop();
  folder[Symbol.dispose]();
});

async function assetPaths(page = ""): Promise<string[]> {
  const html = await (await fetch(`${url}/${page}`)).text();
  return [...html.matchAll(/(?:href|src)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => `/${path}`);
}

/** Sends a request line as it is: `fetch` would tidy up the path. */
async function rawStatus(path: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { hostname, port } = new URL(url);
  await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) => void socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
      data(socket, data) {
        resolve(data.toString("latin1"));
        socket.end();
      },
    },
  });
  return promise;
}

describe("the web app", () => {
  test.each(["", "dashboard"])(
    "is a page without inline code, under a policy that allows only its own files: /%s",
    async (page) => {
      const response = await fetch(`${url}/${page}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(response.headers.get("cache-control")).toBe("no-cache");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).not.toContain("unsafe");
      const html = await response.text();
      expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/);
      expect(html).not.toMatch(/(?:href|src)="(?:\/|https?:)/); // relative, for path prefixes
    },
  );

  test("names assets that are there, immutable, of their type, and with a strong validator", async () => {
    const paths = [...(await assetPaths()), ...(await assetPaths("dashboard"))];
    const types = new Set<string | undefined>();
    for (const path of paths) {
      const response = await fetch(url + path);
      expect(response.status).toBe(200);
      expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      types.add(response.headers.get("content-type")?.split(";")[0]);
      const etag = response.headers.get("etag") ?? "";
      expect(etag).toMatch(/^"[^"]+"$/);
      const again = await fetch(url + path, { headers: { "if-none-match": etag } });
      expect(again.status).toBe(304);
      const head = await fetch(url + path, { method: "HEAD" });
      expect(head.status).toBe(200);
      expect(head.headers.get("etag")).toBe(etag);
    }
    expect([...types].sort()).toEqual(["image/svg+xml", "text/css", "text/javascript"]);
  });

  test("sends whoever asks for a folder to the dashboard, where its links are right", async () => {
    const response = await fetch(`${url}/dashboard/`, { redirect: "manual" });
    expect(response.status).toBe(308);
    expect(response.headers.get("location")).toBe("../dashboard");
  });

  test("revalidates the page by a strong validator", async () => {
    const etag = (await fetch(`${url}/`)).headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[^"]+"$/);
    const again = await fetch(`${url}/`, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
  });

  test("has an icon for browsers that ask for one by themselves", async () => {
    const response = await fetch(`${url}/favicon.ico`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("image/svg+xml");
  });

  test("serves no other file, whatever the path", async () => {
    const paths = [
      "/index.html",
      "/docs.html",
      "/assets",
      "/assets/",
      "/assets/../index.html",
      "/assets/..%2findex.html",
      "/assets/%2e%2e/index.html",
      "/assets/..%5cindex.html",
      "/assets/..%2f..%2f..%2f..%2f..%2fetc%2fhostname",
      "/assets//etc/hostname",
    ];
    for (const path of paths) {
      expect({ path, answer: await rawStatus(path) }).toMatchObject({
        path,
        answer: expect.stringMatching(/^HTTP\/1\.1 404 /),
      });
    }
  });

  test("keeps its validators in an app that has a hook for every request", async () => {
    const made = new Elysia().onRequest(() => {}).use(await ui(folder.path));
    made.config.serve = { routes: toStaticRoutes(made, {}) };
    made.listen({ port: 0, hostname: "127.0.0.1" });
    for (const path of ["/", ...(await assetPaths())]) {
      const target = `http://127.0.0.1:${made.server?.port}${path}`;
      const etag = (await fetch(target)).headers.get("etag") ?? "";
      const again = await fetch(target, { headers: { "if-none-match": etag } });
      expect({ path, status: again.status }).toEqual({ path, status: 304 });
    }
    await made.stop();
  });

  test("goes on serving what it started with when the files are gone", async () => {
    using other = createTemporaryFolder();
    await buildWebApp(other.path);
    const made = new Elysia().use(await ui(other.path)).listen({ port: 0, hostname: "127.0.0.1" });
    rmSync(join(other.path, "assets"), { recursive: true });
    const [path = ""] = await assetPaths();
    const response = await fetch(`http://127.0.0.1:${made.server?.port}${path}`);
    expect(response.status).toBe(200);
    await made.stop();
  });

  test.each([
    { page: "", scriptMax: 24_000, allMax: 40_000 },
    { page: "dashboard", scriptMax: 40_000, allMax: 50_000 },
  ])("keeps its script, and all of it, small when gzipped: /$page", async ({ page, ...maxima }) => {
    const sizes = await Promise.all(
      (await assetPaths(page)).map(async (path) => {
        const bytes = await (await fetch(url + path)).bytes();
        return { path, bytes: Bun.gzipSync(bytes).length };
      }),
    );
    const script = sizes.find(({ path }) => path.endsWith(".js"));
    expect(script?.bytes).toBeLessThan(maxima.scriptMax);
    expect(sizes.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(maxima.allMax);
  });

  test("says what to run when it was not built", async () => {
    using empty = createTemporaryFolder();
    await expect(ui(empty.path)).rejects.toThrow('Run "bun run build:web" first.');
  });
});
