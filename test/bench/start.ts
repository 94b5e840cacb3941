/** From the start of a process to the first byte of its first answer. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { type Finding, median, present } from "./report.ts";

const root = resolve(import.meta.dir, "../..");
const rounds = 9;
const msMax = 150;
const waitMsMax = 10_000;

/** Builds the executable, then starts it and the source in turn, several times. */
export async function start(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  const executable = join(folder.path, "partyline");
  await build(executable);
  const fromSource = [process.execPath, join(root, "src/main.ts")];
  const binaryMs: number[] = [];
  const sourceMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    binaryMs.push(await measure([executable], folder.path));
    sourceMs.push(await measure(fromSource, folder.path));
  }
  const tell = (all: readonly number[]) =>
    `${median(all).toFixed(0)} ms (${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)})`;
  return [
    {
      what: "executable: start to first answer",
      target: `≤ ${msMax} ms`,
      measured: tell(binaryMs),
      isMet: median(binaryMs) <= msMax,
    },
    {
      what: "source: start to first answer",
      target: "",
      measured: tell(sourceMs),
      isMet: null,
    },
  ];
}

/** Builds with what the web app has been built to; builds that as well where it is missing. */
async function build(outfile: string): Promise<void> {
  if (!existsSync(join(root, "dist/web"))) await run(["run", "--silent", "build:web"]);
  await run([join(root, "src/build.ts"), "--outfile", outfile]);
}

async function run(args: readonly string[]): Promise<void> {
  const stdio = ["ignore", "ignore", "inherit"] as const;
  const child = Bun.spawn([process.execPath, ...args], { cwd: root, stdio: [...stdio] });
  if ((await child.exited) !== 0) throw new Error(`"bun ${args.join(" ")}" failed.`);
}

/** Asks `/livez` again and again, from the moment of the start, until something answers. */
async function measure(command: readonly string[], folder: string): Promise<number> {
  const port = freePort();
  const data = join(folder, `data-${port}`);
  const startedAt = performance.now();
  const flags = ["--port", String(port), "--data", data, "--log-level", "warn"];
  const child = Bun.spawn([...command, ...flags], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    while (performance.now() - startedAt < waitMsMax) {
      if (await isAnswered(port)) return performance.now() - startedAt;
      await Bun.sleep(1);
    }
    throw new Error(`${command.join(" ")} did not answer within ${waitMsMax} ms.`);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}

/** True once the first byte of an answer came; false when nobody listens yet. */
async function isAnswered(port: number): Promise<boolean> {
  const { promise, resolve: settle } = Promise.withResolvers<boolean>();
  Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
      data: (socket) => {
        settle(true);
        socket.end();
      },
      close: () => settle(false),
      connectError: () => settle(false),
    },
  }).catch(() => settle(false));
  return promise;
}

/** A port that nobody had a moment ago. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

if (import.meta.main) await present([start]);
