/** A real Redis for tests: a process of this machine's `redis-server`, on a port of its own. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RedisClient, type Subprocess } from "bun";
import { findFreePort } from "./free-port.ts";
import { eventually } from "./poll.ts";
import { findSystemProgram } from "./system-program.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

/** What may differ from a Redis that keeps nothing on disk, without a password and with all memory. */
export interface RedisServerOptions {
  readonly appendonly?: boolean;
  readonly appendfsync?: "always" | "everysec" | "no";
  /** The rule when to write a snapshot, such as `60 1`; none when it is not given. */
  readonly save?: string;
  /** Such as `3mb`. */
  readonly maxmemory?: string;
  /** What is done when that is reached; `noeviction` when it is not given. */
  readonly policy?: string;
  readonly replicaOf?: RedisServer;
  readonly password?: string;
  /** Files in PEM: then the port speaks TLS alone. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** More arguments for `redis-server`, such as `["--min-replicas-to-write", "1"]`. */
  readonly more?: readonly string[];
}

const attemptsMax = 20;

/** One Redis. Whoever starts it disposes of it: `await using redis = await RedisServer.start()`. */
export class RedisServer {
  readonly port: number;
  /** With the password, where there is one. */
  readonly url: string;
  readonly options: RedisServerOptions;
  readonly #folder: string;
  #process: Subprocess | null = null;
  #client: RedisClient | null = null;

  private constructor(port: number, options: RedisServerOptions) {
    const { password, tls } = options;
    const user = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
    this.port = port;
    this.url = `${tls === undefined ? "redis" : "rediss"}://${user}127.0.0.1:${port}`;
    this.options = options;
    this.#folder = createTemporaryFolder().path;
  }

  /** Starts one and waits until it answers, and a replica until it has what its master has. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 1; ; attempt += 1) {
      const server = new RedisServer(findFreePort(), options);
      try {
        await server.#run();
        if (options.replicaOf !== undefined) await server.#follow();
        return server;
      } catch (thrown) {
        // Somebody else may have taken the port in between.
        await server[Symbol.asyncDispose]();
        if (attempt === attemptsMax) throw thrown;
      }
    }
  }

  /** The id of the process; 0 while it does not run. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Ends it as an operator would (SIGTERM), which writes what is to be kept. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** Ends it as a crash would (SIGKILL). */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Starts it again with the same port and folder; stops it first where it runs. */
  async restart(): Promise<void> {
    await this.stop();
    await this.#run();
  }

  /** Lets it hang (SIGSTOP): its port is open, and nothing answers. */
  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  /** Ends that. */
  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Empties it. */
  async flush(): Promise<void> {
    await this.send("FLUSHALL", "SYNC");
  }

  /** Sends a command as an operator at the console would. Rejects while it does not run. */
  async send(command: string, ...args: string[]): Promise<unknown> {
    this.#client ??= this.#createClient();
    return await this.#client.send(command, args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    const program = findSystemProgram("redis");
    if (program === null) throw new Error("redis-server is not installed.");
    // A run of tests that is broken off disposes of nothing: then the kernel ends what it started.
    const setpriv = Bun.which("setpriv");
    const bound = setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL"];
    const child = Bun.spawn([...bound, program, ...this.#toArguments()], {
      stdio: ["ignore", "ignore", "ignore"],
      cwd: this.#folder,
    });
    this.#process = child;
    await eventually("redis-server answers", async () => {
      if (child.exitCode !== null) throw new Error(`redis-server ended: ${await this.#readLog()}`);
      const client = this.#createClient();
      const answer = await client.send("PING", []).catch(() => null);
      client.close();
      return answer === "PONG";
    });
  }

  async #follow(): Promise<void> {
    await eventually("the replica is connected", async () => {
      const role = await this.send("ROLE");
      return Array.isArray(role) && role[3] === "connected";
    });
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#client?.close();
    this.#client = null;
    const child = this.#process;
    this.#process = null;
    child?.kill(signal);
    child?.kill("SIGCONT"); // A paused process would not hear SIGTERM.
    await child?.exited;
  }

  #createClient(): RedisClient {
    const tls = this.options.tls === undefined ? {} : { tls: { rejectUnauthorized: false } };
    return new RedisClient(this.url, { autoReconnect: false, connectionTimeout: 5_000, ...tls });
  }

  #toArguments(): string[] {
    const { appendonly, appendfsync, save, maxmemory, policy, replicaOf } = this.options;
    const { password, tls, more } = this.options;
    const master = replicaOf?.options.password;
    const pairs: (readonly [string, ...string[]])[] = [
      ["bind", "127.0.0.1"],
      tls === undefined ? ["port", `${this.port}`] : ["port", "0"],
      ["dir", this.#folder],
      ["logfile", this.#logFile],
      ["save", save ?? ""],
      ["appendonly", appendonly === true ? "yes" : "no"],
      ["appendfsync", appendfsync ?? "everysec"],
      ["maxmemory", maxmemory ?? "0"],
      ["maxmemory-policy", policy ?? "noeviction"],
      ["enable-debug-command", "yes"],
      ["repl-diskless-sync-delay", "0"], // A replica would wait 5 s for others to come.
    ];
    if (replicaOf !== undefined) pairs.push(["replicaof", "127.0.0.1", `${replicaOf.port}`]);
    if (master !== undefined) pairs.push(["masterauth", master]);
    if (password !== undefined) pairs.push(["requirepass", password]);
    if (tls !== undefined) {
      pairs.push(["tls-port", `${this.port}`], ["tls-auth-clients", "no"]);
      pairs.push(["tls-cert-file", tls.cert], ["tls-key-file", tls.key]);
      pairs.push(["tls-ca-cert-file", tls.ca ?? tls.cert]);
    }
    return [...pairs.flatMap(([name, ...values]) => [`--${name}`, ...values]), ...(more ?? [])];
  }

  get #logFile(): string {
    return join(this.#folder, "redis.log");
  }

  async #readLog(): Promise<string> {
    return await Bun.file(this.#logFile)
      .text()
      .catch(() => "");
  }
}
