import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Elysia } from "elysia";
import fc from "fast-check";
import { downloads } from "../../src/http/downloads.ts";
import { failure } from "../../src/http/failure.ts";
import { toHumanSize } from "../../src/http/folder-page.ts";
import { loadSelfSigned } from "../../src/http/self-signed.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const outside = createTemporaryFolder();
const root = join(outside.path, "root");
const text = "0123456789abcdefghij";
const lastModified = "Mon, 16 Nov 2026 10:00:00 GMT";
mkdirSync(join(root, "docs"), { recursive: true });
writeFileSync(join(outside.path, "canary.txt"), "canary");
for (const [name, content] of [
  ["a.txt", text],
  ["empty.txt", ""],
  ["Отчёт 报告.txt", text],
  ["page.html", "<script>alert(1)</script>"],
  ["image.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"],
  ["paper.pdf", "%PDF-"],
  [".env", "secret"],
  ["docs/javascript:alert(1)", text],
] as const) {
  writeFileSync(join(root, name), content);
  utimesSync(join(root, name), new Date(lastModified), new Date(lastModified));
}

const { cert, key } = await loadSelfSigned(join(outside.path, "tls"), "127.0.0.1", Date.now());
const hidden = { hostname: "127.0.0.1", port: 0, development: false, http2: true };
const plain = createApp(false).listen(hidden);
const secure = createApp(true).listen({ ...hidden, tls: { cert, key }, http3: true });
const address = { plain: plain.server?.url.href, secure: secure.server?.url.href };

afterAll(async () => {
  await Promise.all([plain.stop(true), secure.stop(true)]);
  outside[Symbol.dispose]();
});

/** See `createApp` of the server for why the host's form depends on TLS. */
function createApp(hasTls: boolean) {
  return new Elysia({ handler: { standardHostname: hasTls } })
    .use(failure(createLog("silent", "json")))
    .use(downloads(root));
}

/** Sends a request target that no client would, and reads the whole answer as Latin-1. */
async function sendRaw(target: string, fields = ""): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = "";
  await Bun.connect({
    hostname: "127.0.0.1",
    port: plain.server?.port ?? 0,
    socket: {
      open(socket) {
        const head = `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${fields}\r\n`;
        socket.write(Buffer.from(head, "latin1"));
      },
      data(_, bytes) {
        answer += bytes.toString("latin1");
      },
      close: () => resolve(answer),
      error: (_, error) => reject(error),
    },
  });
  return promise;
}

const transports = [
  ["HTTP/1.1", address.plain, "http1.1"],
  ["HTTP/1.1 with TLS", address.secure, "http1.1"],
  ["HTTP/2", address.secure, "http2"],
  ["HTTP/3", address.secure, "http3"],
] as const;

describe.each(transports)("over %s", (_, base, protocol) => {
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${base}files/${path}`, {
      ...init,
      protocol,
      redirect: "manual",
      tls: { rejectUnauthorized: false },
    });
  const tag = async () => (await ask("a.txt", { method: "HEAD" })).headers.get("etag") ?? "";

  test("a file comes with its validators, type and protection", async () => {
    const response = await ask("a.txt");
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(text);
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      "accept-ranges": "bytes",
      "cache-control": "no-cache",
      "content-disposition": 'inline; filename="a.txt"',
      "content-length": "20",
      "content-type": "text/plain;charset=utf-8",
      "last-modified": lastModified,
      "x-content-type-options": "nosniff",
    });
    expect(headers.etag).toMatch(/^"[^"]+"$/);
    expect(headers["content-security-policy"]).toStartWith("sandbox; default-src 'none'");
  });

  /** What the tag of the file is put in place of. */
  const own = "<tag>";
  test.each([
    [{}, 200, text, null],
    [{ range: "bytes=0-4" }, 206, "01234", "bytes 0-4/20"],
    [{ range: "bytes=5-" }, 206, text.slice(5), "bytes 5-19/20"],
    [{ range: "bytes=-3" }, 206, "hij", "bytes 17-19/20"],
    [{ range: "bytes=-99" }, 206, text, "bytes 0-19/20"],
    [{ range: "bytes=10-99" }, 206, text.slice(10), "bytes 10-19/20"],
    [{ range: "bytes=0-0" }, 206, "0", "bytes 0-0/20"],
    [{ range: "bytes=19-19" }, 206, "j", "bytes 19-19/20"],
    [{ range: "bytes=20-" }, 416, "", "bytes */20"],
    [{ range: "bytes=-0" }, 416, "", "bytes */20"],
    [{ range: "bytes=0-1,3-4" }, 200, text, null],
    [{ range: "bytes=5-2" }, 200, text, null],
    [{ range: "bytes=a-b" }, 200, text, null],
    [{ range: "bytes=-" }, 200, text, null],
    [{ range: "0-4" }, 200, text, null],
    [{ range: "lines=0-4" }, 200, text, null],
    [{ range: "bytes=0-4", "if-range": own }, 206, "01234", "bytes 0-4/20"],
    [{ range: "bytes=0-4", "if-range": lastModified }, 206, "01234", "bytes 0-4/20"],
    [{ range: "bytes=0-4", "if-range": '"x"' }, 200, text, null],
    [{ range: "bytes=0-4", "if-range": `W/${own}` }, 200, text, null],
    [{ range: "bytes=0-4", "if-range": "Mon, 16 Nov 2026 10:00:01 GMT" }, 200, text, null],
    [{ range: "bytes=99-", "if-range": '"x"' }, 200, text, null],
    [{ "if-none-match": own }, 304, "", null],
    [{ "if-none-match": `"x", W/${own}` }, 304, "", null],
    [{ "if-none-match": own, range: "bytes=0-4" }, 304, "", null],
    [{ "if-none-match": '"x"', range: "bytes=0-4" }, 206, "01234", "bytes 0-4/20"],
    [{ "if-modified-since": lastModified }, 304, "", null],
    [{ "if-modified-since": lastModified, "if-none-match": '"x"' }, 200, text, null],
    [{ "if-match": own }, 200, text, null],
    [{ "if-match": '"x"' }, 412, /Precondition Failed/, null],
    [{ "if-match": '"x"', range: "bytes=99-" }, 412, /Precondition Failed/, null],
    [{ "if-unmodified-since": "Mon, 16 Nov 2026 09:59:59 GMT" }, 412, /Precondition/, null],
    [{ "if-unmodified-since": lastModified }, 200, text, null],
  ] as const)("%j is answered by %d", async (fields, status, body, contentRange) => {
    const etag = await tag();
    const headers = new Headers();
    for (const [name, value] of Object.entries(fields)) headers.set(name, value.replace(own, etag));
    const response = await ask("a.txt", { headers });
    const received = await response.text();
    expect(response.status).toBe(status);
    if (typeof body === "string") expect(received).toBe(body);
    else expect(received).toMatch(body);
    expect(response.headers.get("content-range")).toBe(contentRange);
    expect(response.headers.get("etag")).toBe(etag);
    if (status === 206) {
      expect(response.headers.get("accept-ranges")).toBe("bytes");
      expect(response.headers.get("content-length")).toBe(String(received.length));
    }
  });

  test("HEAD tells the whole length, with and without Range, and sends nothing", async () => {
    for (const range of ["", "bytes=0-4", "bytes=99-"]) {
      const response = await ask("a.txt", { method: "HEAD", headers: { range } });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-length")).toBe("20");
      expect(response.headers.get("accept-ranges")).toBe("bytes");
      expect(await response.text()).toBe("");
    }
    const headers = { "if-none-match": await tag() };
    expect((await ask("a.txt", { method: "HEAD", headers })).status).toBe(304);
    expect((await ask("b.txt", { method: "HEAD" })).status).toBe(404);
  });

  test("an empty file is sent, and has no first byte", async () => {
    const response = await ask("empty.txt");
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
    expect((await ask("empty.txt", { headers: { range: "bytes=0-" } })).status).toBe(416);
  });

  test("a name in Cyrillic and Chinese is found, and told in both forms", async () => {
    const response = await ask(`${encodeURIComponent("Отчёт 报告.txt")}?download`);
    expect(await response.text()).toBe(text);
    const expected =
      'attachment; filename="_____ __.txt"; ' +
      "filename*=UTF-8''%D0%9E%D1%82%D1%87%D1%91%D1%82%20%E6%8A%A5%E5%91%8A.txt";
    expect(response.headers.get("content-disposition")).toBe(expected);
  });

  test("a folder comes as JSON, as a page, and after a redirect to its slash", async () => {
    const json = await ask("", { headers: { accept: "application/json" } });
    expect(json.headers.get("vary")).toBe("Accept");
    const { path, entries } = (await json.json()) as { path: string; entries: { url: string }[] };
    expect(path).toBe("/");
    expect(entries[0]).toMatchObject({ name: "docs", kind: "folder", url: "docs/" });
    expect(entries).not.toContainEqual(expect.objectContaining({ name: ".env" }));
    const page = await ask("docs/");
    expect(page.headers.get("content-type")).toBe("text/html;charset=utf-8");
    expect(await page.text()).toContain('href="./javascript%3Aalert(1)"');
    const redirect = await ask("docs?after=x");
    expect(redirect.status).toBe(308);
    expect(redirect.headers.get("location")).toBe("./docs/?after=x");
  });

  test("what is not there is a problem that tells nothing of the disk", async () => {
    for (const path of ["b.txt", ".env", "a.txt/", "a%2f..%2f..%2fcanary.txt"]) {
      const response = await ask(path);
      expect(response.status).toBe(404);
      const problem = await response.text();
      expect(JSON.parse(problem)).toMatchObject({ code: "not_found", status: 404 });
      expect(problem).not.toContain(outside.path);
    }
  });
});

describe("what a browser could run", () => {
  test.each(["page.html", "image.svg"])("%p is boxed in", async (name) => {
    const { headers } = await fetch(`${address.plain}files/${name}`);
    expect(headers.get("content-security-policy")).toMatch(/^sandbox; default-src 'none';/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("a PDF keeps a policy under which browsers still show it", async () => {
    const { headers } = await fetch(`${address.plain}files/paper.pdf`);
    expect(headers.get("content-security-policy")).toStartWith("default-src 'none'");
    expect(headers.get("content-security-policy")).not.toContain("sandbox");
  });

  test("the page of a folder has no script, and its policy knows its style", async () => {
    const response = await fetch(`${address.plain}files/`);
    const html = await response.text();
    const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? "";
    const hash = new Bun.CryptoHasher("sha256").update(style).digest("base64");
    expect(response.headers.get("content-security-policy")).toContain(`'sha256-${hash}'`);
    expect(html).not.toContain("<script");
  });

  test.skipIf(process.platform === "win32")("a name cannot become markup", async () => {
    writeFileSync(join(root, "docs", '"><img src=x onerror=alert(1)>'), "");
    const html = await (await fetch(`${address.plain}files/docs/`)).text();
    expect(html).not.toContain("<img");
    expect(html).toContain("&lt;img src=x onerror=alert(1)&gt;");
  });
});

describe("the form of a folder", () => {
  test.each([
    [undefined, "text/html"],
    ["*/*", "text/html"],
    ["application/json", "application/json"],
    ["application/*", "application/json"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"],
    ["text/html;q=0.5, application/json", "application/json"],
    ["application/json;q=0.5, text/html", "text/html"],
    ["application/json;q=0", "text/html"],
    [";;,=,q=;", "text/html"],
  ])("for Accept %p is %s", async (accept, type) => {
    const fields = accept === undefined ? "" : `Accept: ${accept}\r\n`;
    expect((await sendRaw("/files/", fields)).toLowerCase()).toContain(`content-type: ${type}`);
  });

  test("for ?format=json is JSON", async () => {
    const { headers } = await fetch(`${address.plain}files/?format=json`);
    expect(headers.get("content-type")).toBe("application/json;charset=utf-8");
  });
});

describe("odd request targets", () => {
  if (process.platform !== "win32") {
    symlinkSync(join(outside.path, "canary.txt"), join(root, "out.txt"));
    symlinkSync(outside.path, join(root, "out"));
  }

  test.each([
    "/files/../canary.txt",
    "/files/../../canary.txt",
    "/files/%2e%2e/canary.txt",
    "/files/..%2fcanary.txt",
    "/files/%2e%2e%2fcanary.txt",
    "/files/%252e%252e%252fcanary.txt",
    "/files/..\\canary.txt",
    "/files/..%5ccanary.txt",
    "/files/docs/..%2f..%2fcanary.txt",
    "/files/docs/%c0%ae%c0%ae/canary.txt",
    "/files//etc/passwd",
    "/files/%2fetc%2fpasswd",
    "/files/a.txt%00",
    "/files/a.txt%00.png",
    "/files/.env",
    "/files/%2eenv",
    "/files/docs/.%2e/.env",
    "/files/out.txt",
    "/files/out/canary.txt",
    "/files/%",
    "/files/%ff",
    "/files/a.txt%2f",
    "/files/a.txt/",
    "/filesa.txt",
    `/files/${"a".repeat(4_000)}`,
    `/files${"/a".repeat(2_000)}`,
  ])("%p is not found", async (target) => {
    const answer = await sendRaw(target);
    expect(answer).toStartWith("HTTP/1.1 404");
    expect(answer).not.toContain(outside.path);
  });

  test.each(["//evil.example/files/docs", "/files//evil.example", "/files/%2f%2fevil.example"])(
    "%p redirects nobody",
    async (target) => {
      const answer = await sendRaw(target);
      expect(answer).toStartWith("HTTP/1.1 404");
      expect(answer.toLowerCase()).not.toContain("location:");
    },
  );

  test("the root without its slash leads to the root, and back to no loop", async () => {
    expect((await sendRaw("/files")).toLowerCase()).toContain("location: ./files/\r\n");
    expect(await sendRaw("/files/")).toStartWith("HTTP/1.1 200");
  });

  test("no path brings a byte from outside the root", async () => {
    const piece = fc.oneof(
      fc.constantFrom("..", "%2e%2e", ".%2E", "%2f", "%5c", "\\", "/", "//", "%00", "%252e%252e"),
      fc.constantFrom("docs", "out", "out.txt", "canary.txt", "root", "a.txt", ".", "?", "#", ";"),
    );
    const paths = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(""));
    await fc.assert(
      fc.asyncProperty(paths, async (path) => {
        const answer = await sendRaw(`/files/${path}`);
        expect(answer).toMatch(/^HTTP\/1\.1 (200|304|308|404|400)/);
        expect(answer).not.toEndWith("canary");
      }),
      { numRuns: 300 },
    );
  });
});

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [999, "999 bytes"],
  [1_000, "1.0 kB"],
  [9_949, "9.9 kB"],
  [10_000, "10 kB"],
  [999_499, "999 kB"],
  [999_500, "1.0 MB"],
  [1_073_741_824, "1.1 GB"],
  [5e18, "5000 PB"],
])("%d bytes are shown as %p", (bytes, shown) => {
  expect(toHumanSize(bytes)).toBe(shown);
});
