/**
 * Cuts the lines of clients that publish and follow rooms, every 2 s for a minute, and restarts a
 * server 20 times in a minute under two clients: all must be delivered, in order, once.
 */

import { FaultProxy } from "../support/fault-proxy.ts";
import { FaultProxyClient, type FaultProxyClientOptions } from "../support/fault-proxy-client.ts";
import { judge } from "../support/fault-proxy-verdict.ts";
import { fromSource, type RunningProgram, startProgram } from "../support/program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { count, type Finding, present } from "./report.ts";

const runMs = 60_000;
const cutEveryMs = 2_000;
const restarts = 20;
const writeEveryMs = 20;
/** Milliseconds for the last of it to arrive: two of the longest waits between attempts, and more. */
const settleMsMax = 90_000;
const rooms = ["one", "two", "three"];
const transports: readonly FaultProxyClientOptions["transport"][] = ["auto", "websocket", "sse"];

/** Cuts every line every 2 s, by resets, by ends and by silence in turn. */
export async function cuts(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  using server = await startServer(folder.path, 0);
  using proxy = new FaultProxy(Number(new URL(server.url).port));
  using clients = new Crowd(proxy.url, transports);
  const kinds = ["rst", "fin", "dead"] as const;
  const total = runMs / cutEveryMs;
  for (let cut = 0; cut < total; cut += 1) {
    await Bun.sleep(cutEveryMs);
    const kind = kinds[cut % kinds.length] ?? "rst";
    if (kind !== "dead") proxy.cut(kind);
    else {
      proxy.kill();
      await Bun.sleep(cutEveryMs / 4);
      proxy.cut();
    }
  }
  return await clients.tell(`${total} cuts in ${runMs / 1_000} s`, server.url, proxy);
}

/** Restarts the server, by SIGTERM and SIGKILL in turn. */
export async function serverRestarts(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  let server = await startServer(folder.path, 0);
  const port = Number(new URL(server.url).port);
  using proxy = new FaultProxy(port);
  using clients = new Crowd(proxy.url, ["websocket", "sse"]);
  try {
    const start = performance.now();
    for (let restart = 1; restart <= restarts; restart += 1) {
      await Bun.sleep(Math.max(0, start + (restart * runMs) / restarts - performance.now()));
      await server.end(restart % 2 === 0 ? "SIGKILL" : "SIGTERM");
      server = await startServer(folder.path, port);
    }
    return await clients.tell(`${restarts} restarts in ${runMs / 1_000} s`, server.url, proxy);
  } finally {
    server[Symbol.dispose]();
  }
}

/** Clients that write all the time, until they are asked to tell. */
class Crowd implements Disposable {
  readonly #clients: readonly FaultProxyClient[];
  readonly #down: { readonly name: string; since: number; longestMs: number }[] = [];

  constructor(url: string, transports: readonly FaultProxyClientOptions["transport"][]) {
    this.#clients = transports.map((transport) => {
      const client = new FaultProxyClient({ url, name: transport, rooms, transport, hurryMs: 0 });
      const down = { name: transport, since: performance.now(), longestMs: 0 };
      this.#down.push(down);
      client.line.on("state", ({ name }) => {
        const now = performance.now();
        if (name === "open") down.longestMs = Math.max(down.longestMs, now - down.since);
        down.since = name === "open" ? Number.POSITIVE_INFINITY : Math.min(down.since, now);
      });
      client.write(writeEveryMs);
      return client;
    });
  }

  /** Waits for the rest, and compares all of it with what the server keeps at `url`. */
  async tell(what: string, url: string, proxy: FaultProxy): Promise<readonly Finding[]> {
    for (const client of this.#clients) client.rest();
    const { published, delivered, faults } = await judge(url, this.#clients, settleMsMax);
    for (const fault of faults.slice(0, 20)) process.stderr.write(`  ${fault}\n`);
    const expected = published * this.#clients.length * 2; // by listeners and by iterations
    const share = `${((100 * delivered) / expected).toFixed(3)} %`;
    const down = this.#down.map(
      ({ name, longestMs }) => `${name} ${(longestMs / 1_000).toFixed(1)}`,
    );
    return [
      {
        what: `${what}: delivered`,
        target: "100 %",
        measured: `${share} of ${count(expected)}`,
        isMet: delivered === expected && published > 0,
      },
      {
        what: `${what}: holes, doubles, wrong order or position`,
        target: "0",
        measured: `${faults.length} in ${count(published)} publishes`,
        isMet: faults.length === 0,
      },
      {
        what: `${what}: connections; longest time without one, s`,
        target: "",
        measured: `${proxy.arrivals.length}; ${down.join(", ")}`,
        isMet: null,
      },
    ];
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client[Symbol.dispose]();
  }
}

function startServer(folder: string, port: number): Promise<RunningProgram> {
  const options = ["--port", String(port), "--data", folder, "--durability", "process"];
  const pace = ["--messages-per-second", "0", "--publishes-per-second", "0"];
  return startProgram([...fromSource, ...options, ...pace], folder);
}

if (import.meta.main) await present([cuts, serverRestarts]);
