import { afterAll, describe, expect, test } from "bun:test";
import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { buildWebApp } from "../../public/build.ts";
import { defaultConfig } from "../../src/config.ts";
import { createServer } from "../../src/server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const executablePath = findSystemProgram("chromium");
const folder = createTemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** What Chromium's flag wants to know of a certificate that nobody vouches for. */
function toKeyHash(path: string): string {
  const { publicKey } = new X509Certificate(readFileSync(path));
  const spki = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64");
}

describe.skipIf(executablePath === null)("Chromium over HTTP/3", () => {
  test("loads the page, publishes, follows, and resumes a download", async () => {
    await buildWebApp(join(import.meta.dir, "..", "..", "dist", "web"));
    const files = join(folder.path, "files");
    mkdirSync(files);
    writeFileSync(join(files, "a.txt"), "0123456789");
    const server = createServer(
      defaultConfig({
        host: "127.0.0.1",
        port: 0,
        data: folder.path,
        files,
        tlsSelfSigned: true,
        http3: true,
        logLevel: "error",
      }),
    );
    const { url, port } = await server.start();
    const browser = await chromium.launch({
      executablePath: executablePath ?? "",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-quic",
        `--origin-to-force-quic-on=127.0.0.1:${port}`,
        `--ignore-certificate-errors-spki-list=${toKeyHash(join(folder.path, "tls", "self-signed.crt"))}`,
      ],
    });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(30_000);
      await page.goto(`${url}/files/`);
      const seen = await page.evaluate(async () => {
        const [navigation] = performance.getEntriesByType("navigation");
        return (navigation as PerformanceNavigationTiming).nextHopProtocol;
      });
      expect(seen).toBe("h3");
      // From a page whose policy lets it ask the server at all.
      await page.goto(`${url}/`);
      const result = await page.evaluate(async () => {
        const source = new EventSource("rooms/quic/events");
        await new Promise((resolve) => source.addEventListener("open", resolve));
        const heard = new Promise<string>((resolve) => {
          source.onmessage = ({ data }) => resolve(JSON.parse(data).content);
        });
        const published = await fetch("rooms/quic/messages", { method: "POST", body: "привет" });
        const part = await fetch("files/a.txt", { headers: { range: "bytes=4-" } });
        const answer = {
          published: published.status,
          heard: await heard,
          partial: part.status,
          part: await part.text(),
          protocols: performance
            .getEntriesByType("resource")
            .map((entry) => (entry as PerformanceResourceTiming).nextHopProtocol),
        };
        source.close();
        return answer;
      });
      expect(result).toMatchObject({
        published: 201,
        heard: "привет",
        partial: 206,
        part: "456789",
      });
      expect(result.protocols).toContain("h3");
    } finally {
      await browser.close();
      await server.stop();
    }
  }, 90_000);
});
