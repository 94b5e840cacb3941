/** A WebSocket of the doctor's: what came on it waits to be looked at. */

import type { Visit } from "./doctor-visit.ts";

/** Frames that may wait; the oldest goes. A server that says more than that is not listened to. */
const waitingMax = 1_000;

/** Bun's takes options, which the types of browsers do not know. */
const BunSocket = WebSocket as unknown as new (
  url: string,
  options: Bun.WebSocketOptions,
) => WebSocket;

/** How a connection ended. 1006 is an end without a word. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
  /** When, by `performance.now()`. */
  readonly at: number;
}

/** One connection. It ends with its `using` block. */
export class Probe implements Disposable {
  readonly #socket: WebSocket;
  readonly #waiting: (string | ArrayBuffer)[] = [];
  #wake = () => {};
  /** Resolves when it has ended. */
  readonly closed: Promise<Closing>;
  closing: Closing | undefined;
  /** Pings that the other side sent by itself. */
  pings = 0;

  constructor(visit: Visit, path: string, protocols: string[]) {
    const { url, tls } = visit.options;
    const options = { protocols, tls };
    this.#socket = new BunSocket(`${url.replace(/^http/, "ws")}${path}`, options);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("message", ({ data }) => {
      if (this.#waiting.push(data) > waitingMax) this.#waiting.shift();
      this.#wake();
    });
    // Bun tells of pings, which the types of browsers do not know.
    this.#socket.addEventListener("ping", () => {
      this.pings += 1;
    });
    this.#socket.addEventListener("error", () => {}); // `close` follows
    const { promise, resolve } = Promise.withResolvers<Closing>();
    this.closed = promise;
    this.#socket.addEventListener("open", () => this.#wake());
    this.#socket.addEventListener("close", ({ code, reason }) => {
      this.closing = { code, reason, at: performance.now() };
      this.#wake();
      resolve(this.closing);
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Resolves to whether it opened. */
  async opens(withinMs: number): Promise<boolean> {
    await this.#until(() => this.isOpen || this.closing !== undefined, withinMs);
    return this.isOpen;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(data);
  }

  /** The next frame; undefined when none came, or it ended. */
  async next(withinMs: number): Promise<string | ArrayBuffer | undefined> {
    await this.#until(() => this.#waiting.length > 0 || this.closing !== undefined, withinMs);
    return this.#waiting.shift();
  }

  /** The next frame of ours that `isWanted`; others are passed over. */
  async find(
    isWanted: (frame: Readonly<Record<string, unknown>>) => boolean,
    withinMs: number,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const endsAt = performance.now() + withinMs;
    for (;;) {
      const data = await this.next(Math.max(0, endsAt - performance.now()));
      if (data === undefined) return undefined;
      const frame = parseFrame(data);
      if (frame !== undefined && isWanted(frame)) return frame;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #until(isSo: () => boolean, withinMs: number): Promise<void> {
    const endsAt = performance.now() + withinMs;
    while (!isSo()) {
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, leftMs);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
  }
}

function parseFrame(data: string | ArrayBuffer): Readonly<Record<string, unknown>> | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(data);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined; // somebody else's: it is not what is looked for
  }
}
