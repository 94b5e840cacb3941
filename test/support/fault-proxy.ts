/** A TCP proxy in front of a server that does to connections what networks and bad proxies do. */

import type { TCPSocketListener } from "bun";
import { Chance } from "./chance.ts";
import { type Cut, type Faults, faultless } from "./fault-proxy-faults.ts";
import type { RequestHead } from "./fault-proxy-head.ts";
import { FaultProxyLine } from "./fault-proxy-line.ts";

/** Listens on a free port of its own. All its connections end with its `using` block. */
export class FaultProxy implements Disposable {
  readonly faults: Faults;
  readonly #lines = new Set<FaultProxyLine>();
  readonly #listener: TCPSocketListener<FaultProxyLine | null>;
  /** First line of the first request of each connection that said one, oldest first. */
  readonly requests: string[] = [];
  /** When each connection was made, by `performance.now()`, also those refused. */
  readonly arrivals: number[] = [];

  /** `port` is the server's on this host. The same `seed` gives the same chances. */
  constructor(port: number, faults: Partial<Faults> = {}, seed = 1) {
    this.faults = { ...faultless, ...faults };
    const chance = new Chance(seed);
    this.#listener = Bun.listen<FaultProxyLine | null>({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
      socket: {
        open: (client) => {
          this.arrivals.push(performance.now());
          if (this.faults.isRefusing) {
            client.data = null;
            return void client.terminate();
          }
          const line: FaultProxyLine = new FaultProxyLine({
            client,
            port,
            faults: this.faults,
            chance,
            onRequest: ({ line: text }: RequestHead) => this.requests.push(text),
            onClose: () => this.#lines.delete(line),
          });
          client.data = line;
          this.#lines.add(line);
        },
        data: ({ data: line }, bytes) => line?.fromClient(bytes),
        drain: ({ data: line }) => line?.clientDrained(),
        end: ({ data: line }) => line?.clientEnded(),
        close: ({ data: line }) => line?.clientClosed(),
        error: () => {}, // a reset is followed by `close`
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Where clients connect. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The connections that are open or dead, oldest first. */
  get lines(): readonly FaultProxyLine[] {
    return [...this.#lines];
  }

  /** Ends every connection. */
  cut(how: Cut = "rst"): void {
    for (const line of this.#lines) line.cut(how);
  }

  /** Makes every connection a dead one. */
  kill(): void {
    for (const line of this.#lines) line.die();
  }

  /** Passes nothing on, on any present connection, until `release`. */
  hold(): void {
    for (const line of this.#lines) line.hold();
  }

  release(): void {
    for (const line of this.#lines) line.release();
  }

  /** Takes all faults away. What is dead stays dead. */
  heal(): void {
    Object.assign(this.faults, faultless);
    this.release();
  }

  [Symbol.dispose](): void {
    this.#listener.stop();
    this.cut();
  }
}
