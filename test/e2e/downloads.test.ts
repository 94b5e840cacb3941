import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { buildWebApp } from "../../public/build.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, type RunningProgram, startProgram } from "../support/program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const gib = 1_073_741_824;
const growthBytesMax = 64 * 1_048_576;
const isLinux = process.platform === "linux";
const folder = createTemporaryFolder();
let plain: RunningProgram;
let secure: RunningProgram;

beforeAll(async () => {
  const files = join(folder.path, "files");
  mkdirSync(files);
  const path = join(files, "big.bin");
  closeSync(openSync(path, "w"));
  truncateSync(path, gib); // no block of it is on the disk
  const file = openSync(path, "r+");
  writeSync(file, "the end", gib - 7);
  closeSync(file);
  await buildWebApp(join(import.meta.dir, "..", "..", "dist", "web"));
  const start = (...flags: string[]) =>
    startProgram([...fromSource, "--port", "0", "--files", files, ...flags], folder.path);
  plain = await start("--data", join(folder.path, "plain"));
  secure = await start("--data", join(folder.path, "secure"), "--tls-self-signed", "--http3");
}, 60_000);

afterAll(() => {
  plain[Symbol.dispose]();
  secure[Symbol.dispose]();
  folder[Symbol.dispose]();
});

/** Bytes of memory that a process has now, and the most it ever had. */
function memoryOf({ process }: RunningProgram): { now: number; most: number } {
  const status = readFileSync(`/proc/${process.pid}/status`, "utf8");
  const read = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1_024;
  return { now: read("VmRSS"), most: read("VmHWM") };
}

async function count(response: Response): Promise<{ bytes: number; end: string }> {
  let bytes = 0;
  let end = "";
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    end = Buffer.from(chunk.subarray(-7)).toString();
  }
  return { bytes, end };
}

describe.skipIf(!isLinux)("a file of 1 GiB", () => {
  test.each([
    ["HTTP/1.1", () => plain, "http1.1", gib],
    ["HTTP/1.1 with TLS", () => secure, "http1.1", gib],
    ["HTTP/2", () => secure, "http2", gib],
    // Slower by far, so only its last part: what is held in memory is the same.
    ["HTTP/3", () => secure, "http3", 50_000_000],
  ] as const)(
    "comes over %s without the server holding it in memory",
    async (_, server, protocol, length) => {
      const before = memoryOf(server());
      const response = await fetch(`${server().url}/files/big.bin`, {
        headers: { range: `bytes=${gib - length}-` },
        protocol,
        tls: { rejectUnauthorized: false },
      });
      expect(response.status).toBe(206);
      expect(await count(response)).toEqual({ bytes: length, end: "the end" });
      expect(memoryOf(server()).most - before.now).toBeLessThan(growthBytesMax);
    },
    120_000,
  );

  test("costs no memory while a hundred readers do not read", async () => {
    const before = memoryOf(plain);
    let begun = 0;
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () =>
        Bun.connect({
          hostname: "127.0.0.1",
          port: Number(new URL(plain.url).port),
          socket: {
            open: (socket) =>
              void socket.write("GET /files/big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            data: (socket) => {
              begun += 1;
              socket.pause();
            },
          },
        }),
      ),
    );
    try {
      await eventually("all to have begun", () => begun >= sockets.length);
      const startedAt = performance.now();
      expect((await fetch(`${plain.url}/livez`)).status).toBe(200);
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expect(memoryOf(plain).most - before.now).toBeLessThan(growthBytesMax);
    } finally {
      for (const socket of sockets) socket.terminate();
    }
  });
});
