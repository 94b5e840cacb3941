/** A real Chromium against a real server, and everything that a page may not do while it is tested. */

import { join } from "node:path";
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { buildClient, buildWebApp } from "../../public/build.ts";
import { type ConfigOverrides, defaultConfig } from "../../src/config.ts";
import { createServer } from "../../src/server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const executablePath = findSystemProgram("chromium");
const args = [
  "--headless",
  // By a WebSocket: on a loaded machine the usual pipe was seen to close with both its ends alive.
  "--remote-debugging-port=0",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Milliseconds for one test: a browser on a busy machine takes its time. */
export const testMsMax = 90_000;
/** Milliseconds for one wait, which ends before its test does. */
const waitMsMax = 30_000;
/** What Chromium says of each attempt while a server is down or drains; that pages recover is tested. */
const awayPattern =
  /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|ERR_SOCKET_NOT_CONNECTED|status of 503|response code: 503|closed before receiving a handshake response/;

/** True where Chromium is there. */
export const hasChromium = executablePath !== null;
if (!hasChromium) console.warn("No Chromium here: the web app is NOT tested in a browser.");

/** A server that can be stopped and started again on its port and its data. */
export class TestServer {
  readonly #folder = createTemporaryFolder();
  readonly #overrides: ConfigOverrides;
  #server: ReturnType<typeof createServer> | undefined;
  port = 0;

  private constructor(overrides: ConfigOverrides) {
    this.#overrides = overrides;
  }

  static async start(overrides: ConfigOverrides = {}): Promise<TestServer> {
    const made = new TestServer(overrides);
    await made.start();
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Where the files lie that it offers for download. */
  get filesFolder(): string {
    return join(this.#folder.path, "files");
  }

  async start(): Promise<void> {
    const data = this.#folder.path;
    const config = { host: "127.0.0.1", port: this.port, data, logLevel: "error" } as const;
    this.#server = createServer(defaultConfig({ ...config, ...this.#overrides }));
    this.port = (await this.#server.start()).port;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Publishes as a program would. */
  async publish(room: string, content: unknown, username = "robot"): Promise<void> {
    const response = await fetch(`${this.url}rooms/${room}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ content, username }),
    });
    if (!response.ok) throw new Error(await response.text());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#folder[Symbol.dispose]();
  }
}

/** A browser whose pages are watched: what they did wrong is told by `complaints`. */
export class Chromium {
  readonly #browser: Browser;
  readonly #complaints: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Builds the web app and the client, and starts the browser. */
  static async launch(): Promise<Chromium> {
    const folder = join(import.meta.dir, "..", "..", "dist", "web");
    await buildWebApp(folder);
    await buildClient(folder);
    if (executablePath === null) throw new Error("Chromium is not installed.");
    return new Chromium(await chromium.launch({ executablePath, args, timeout: testMsMax }));
  }

  /** Opens the app as somebody who was never here: nothing is stored, nothing is cached. */
  async visit(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const viewport = { width: 1280, height: 800 };
    const context = await this.#browser.newContext({ viewport, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(waitMsMax);
    page.on("pageerror", ({ message }) => this.#complaints.push(`thrown: ${message}`));
    page.on("console", (message) => {
      const isAway = awayPattern.test(message.text());
      if (message.type() === "error" && !isAway) this.#complaints.push(message.text());
    });
    page.on("request", (request) => {
      const { host, protocol } = new URL(request.url());
      if (protocol !== "blob:" && host !== new URL(url).host) {
        this.#complaints.push(`request to another host: ${request.url()}`);
      }
    });
    await page.goto(url);
    return page;
  }

  /** Opens the app and joins a room. */
  async join(url: string, name: string, room: string, options?: BrowserContextOptions) {
    const page = await this.visit(url, options);
    await page.getByLabel("Your name").fill(name);
    await page.getByLabel("Room", { exact: true }).fill(room);
    await page.getByRole("button", { name: "Join the room" }).click();
    await page
      .locator("#subtitle")
      .filter({ hasText: /person|people/ })
      .waitFor({ state: "attached" });
    return page;
  }

  /** What pages did wrong since the last call: errors, broken policy, requests to other hosts. */
  complaints(): string[] {
    return this.#complaints.splice(0);
  }

  /** Closes all pages. */
  async clear(): Promise<void> {
    for (const context of this.#browser.contexts()) await context.close();
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

/** Writes a message into the open room. */
export async function say(page: Page, text: string): Promise<void> {
  await page.locator("#text").fill(text);
  await page.locator("#text").press("Enter");
}

/** A message in view with just this text. What is read to the blind soon has it, too, elsewhere. */
export function message(page: Page, text: string): Locator {
  return page.locator("#messages").getByText(text, { exact: true });
}

/** The texts of the messages in view, in order. */
export async function texts(page: Page): Promise<string[]> {
  return page.locator("#messages .content").allTextContents();
}

/** Waits until `read` gives `expected`, for at most `withinMs`; returns what it gave last. */
export async function settled<Value>(
  read: () => Promise<Value>,
  isRight: (value: Value) => boolean,
  withinMs = waitMsMax,
): Promise<Value> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (isRight(value) || Date.now() > deadline) return value;
    await Bun.sleep(25);
  }
}
