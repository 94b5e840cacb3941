/** Two nodes over one Redis behind a proxy, configured as the manual says. */

import { join } from "node:path";
import {
  caddy,
  type FrontProxy,
  haproxy,
  host,
  nginx,
  type RunningProxy,
  startProxy,
} from "./front-proxy.ts";
import { adapt, readExample } from "./manual.ts";
import { eventually } from "./poll.ts";
import { fromSource, type Outcome, type RunningProgram, startProgram } from "./program.ts";
import { openSocket } from "./proxied.ts";
import { RedisServer } from "./redis-server.ts";
import { findSystemProgram } from "./system-program.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const nodesMax = 2;
/** Each try is a handshake of TLS, for which a busy machine takes a while. */
const reachMsMax = 60_000;
/** With the manual's times: shorter ones would take a server that a busy machine held up for a dead one. */
const kinds: Readonly<Record<FrontProxy["name"], FrontProxy>> = {
  nginx: nginx(),
  haproxy: haproxy(),
  caddy: caddy(),
};
const programs: Readonly<Record<FrontProxy["name"], string | null>> = {
  nginx: findSystemProgram("nginx"),
  haproxy: findSystemProgram("haproxy"),
  caddy: findSystemProgram("caddy"),
};
const others = [
  findSystemProgram("curl"),
  findSystemProgram("openssl"),
  findSystemProgram("redis"),
];

/** Tells whether the machine has all that {@link FrontNodes} needs for a proxy. */
export function hasFrontPrograms(name: FrontProxy["name"]): boolean {
  return ![programs[name], ...others].includes(null);
}

/** Starts a proxy as the manual says for two servers, in front of the servers of these ports. */
export function startFront(
  name: FrontProxy["name"],
  ports: readonly number[],
): Promise<RunningProxy> {
  return startProxy(programs[name] ?? "", kinds[name], ports);
}

/** All of it; it ends with its `await using` block. */
export class FrontNodes implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly folder: string;
  readonly #parts = new AsyncDisposableStack();
  readonly #flags: readonly string[];
  readonly nodes: RunningProgram[] = [];
  #proxy: RunningProxy | undefined;

  private constructor(redis: RedisServer, flags: readonly string[]) {
    const folder = createTemporaryFolder();
    this.redis = redis;
    this.folder = folder.path;
    this.#flags = flags;
    this.#parts.use(folder);
    this.#parts.use(redis);
  }

  /** Starts everything; the nodes with more flags. */
  static async start(name: FrontProxy["name"], ...flags: string[]): Promise<FrontNodes> {
    const all = new FrontNodes(await RedisServer.start({ appendonly: true }), flags);
    try {
      for (let index = 0; index < nodesMax; index += 1) await all.#startNode(index, 0);
      const ports = all.nodes.map(({ url }) => Number(new URL(url).port));
      all.#proxy = await startFront(name, ports);
      all.#parts.use(all.#proxy);
      return all;
    } catch (thrown) {
      await all[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get proxy(): RunningProxy {
    if (this.#proxy === undefined) throw new Error("The proxy does not run.");
    return this.#proxy;
  }

  /** Stops a node gently. */
  async end(index: number): Promise<Outcome | undefined> {
    return await this.nodes[index]?.end("SIGTERM");
  }

  /** Starts a node again on its port. */
  async startAgain(index: number): Promise<void> {
    await this.#startNode(index, Number(new URL(this.nodes[index]?.url ?? "").port));
  }

  /**
   * Has nginx read its file again with a node marked as `down`, or with none. Resolves once its new
   * worker is there; the old one takes nobody in any more a moment later.
   */
  async markDown(index: number | null): Promise<void> {
    const path = join(this.proxy.folder, "nginx.conf");
    const marked = (await Bun.file(path).text()).replaceAll(" down;", ";");
    const port = index === null ? "" : new URL(this.nodes[index]?.url ?? "").port;
    await Bun.write(
      path,
      port === ""
        ? marked
        : marked.replace(new RegExp(`(server [^;]*:${port} [^;]*);`), "$1 down;"),
    );
    const pid = Number(await Bun.file(join(this.proxy.folder, "nginx.pid")).text());
    const readWorkers = async () => {
      return (await Bun.file(`/proc/${pid}/task/${pid}/children`).text()).trim().split(" ");
    };
    const before = await readWorkers();
    process.kill(pid, "SIGHUP");
    await eventually("a new worker of nginx", async () => {
      return (await readWorkers()).some((worker) => !before.includes(worker));
    });
  }

  /** Connects through the proxy until it was to a node. */
  async reach(index: number): Promise<void> {
    const before = await this.countOpened(index);
    await eventually(
      "the proxy sends somebody to a node",
      async () => {
        const socket = openSocket(this.proxy, "/ws", {});
        await new Promise((resolve) => {
          socket.onopen = resolve;
          socket.onclose = resolve;
        });
        socket.close();
        return (await this.countOpened(index)) > before;
      },
      reachMsMax,
    );
  }

  /** How many connections a node has let in since its start. */
  async countOpened(index: number): Promise<number> {
    const answer = await fetch(`${this.nodes[index]?.url}/metrics`);
    const lines = (await answer.text()).match(/^partyline_connections_opened_total\{.*$/gm) ?? [];
    return lines.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) node[Symbol.dispose]();
    for (const node of this.nodes) await node.process.exited;
    await this.#parts.disposeAsync();
  }

  async #startNode(index: number, port: number): Promise<void> {
    const example = await readExample("operations", "toml", "drain-delay");
    const adapted = adapt(example, {
      'host = "10.0.0.11"': 'host = "127.0.0.1"',
      "port = 8080": `port = ${port}`,
      "redis://10.0.0.10:6379": this.redis.url,
      'trust-proxy = "10.0.0.5"': 'trust-proxy = "127.0.0.1"',
    });
    const config = join(this.folder, `${index}.toml`);
    const origin = `allow-origin = "https://${host}"`;
    await Bun.write(config, `${adapted}\n${origin}\nlog-format = "json"\n`);
    const words = ["--config", config, ...this.#flags];
    this.nodes[index] = await startProgram([...fromSource, ...words], this.folder);
  }
}
