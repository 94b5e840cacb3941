/** A real server for a test, on a port that is free and in a folder of its own. */

import { type ConfigOverrides, defaultConfig } from "../../src/config.ts";
import { createServer, type PartylineServer } from "../../src/server.ts";
import { Client } from "./client.ts";
import { createTemporaryFolder, type TemporaryFolder } from "./temporary-folder.ts";

/** A server that runs. It stops, and its folder goes, at the end of an `await using` block. */
export class TestServer implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #overrides: ConfigOverrides;
  readonly #clients: Client[] = [];
  #server: PartylineServer | null = null;
  url = "";
  port = 0;

  private constructor(folder: TemporaryFolder, overrides: ConfigOverrides) {
    this.#folder = folder;
    this.#overrides = overrides;
  }

  /** Starts a server that keeps its messages in memory, unless `overrides` say otherwise. */
  static async start(overrides: ConfigOverrides = {}): Promise<TestServer> {
    const server = new TestServer(createTemporaryFolder(), overrides);
    await server.start();
    return server;
  }

  /** Starts again, with the same data and on the same port. */
  async start(): Promise<void> {
    const config = defaultConfig({
      durability: "memory",
      logLevel: "silent",
      data: this.#folder.path,
      port: this.port,
      messagesPerSecond: 0, // tests write as fast as they can
      publishesPerSecond: 0,
      memoryMax: 0, // the memory of the tests themselves is not the server's
      drainWindowMs: 0, // nobody comes back, so nobody need be told gently
      ...this.#overrides,
    });
    this.#server = createServer(config);
    const { url, port } = await this.#server.start();
    this.url = url;
    this.port = port;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
  }

  /** Its data folder. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Where WebSocket clients connect. */
  get socketUrl(): string {
    return `${this.url.replace("http", "ws")}/ws`;
  }

  /** Connects a client, which has been welcomed; it is closed with the server. */
  async connect(): Promise<Client> {
    const client = new Client(this.socketUrl);
    this.#clients.push(client);
    await client.next("welcome");
    return client;
  }

  /** Asks for a path. */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`${this.url}${path}`, init);
  }

  /** Asks for JSON. */
  async json(path: string, init?: RequestInit) {
    return (await this.fetch(path, init)).json();
  }

  /** Publishes over HTTP, and returns the answer's body. */
  publish(room: string, content: unknown, id?: string): Promise<{ position: string }> {
    return this.json(`/rooms/${encodeURIComponent(room)}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ content, id }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.stop();
    this.#folder[Symbol.dispose]();
  }
}
