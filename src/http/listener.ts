/** What listens, through every certificate it has had: one that ran out keeps those it let in. */

import type { Server } from "bun";

/** What the rest of the house needs of a server. */
export interface Serving {
  readonly hostname: string | undefined;
  readonly pendingRequests: number;
  readonly pendingWebSockets: number;
  publish(topic: string, frame: string | Uint8Array): number;
  stop(isForced?: boolean): Promise<void>;
}

/** Certificates whose connections are kept at a time. They come months apart. */
const retiredMax = 4;

/** Milliseconds in which connections that are in use end with an answer that says so. */
const partingMs = 500;

/**
 * A server that can be put in place of another on the same port. Bun 1.4.5 takes no new certificate
 * into a server that runs (`reload` passes over `tls`), but one that was stopped gently keeps its
 * WebSockets, streams and requests. `stop` may be called twice.
 */
export class Listener implements Serving {
  #current: Server<unknown>;
  readonly #retired = new Set<Server<unknown>>();
  #isStopped = false;

  constructor(server: Server<unknown>) {
    this.#current = server;
  }

  get hostname(): string | undefined {
    return this.#current.hostname;
  }

  get pendingRequests(): number {
    return this.#sum(({ pendingRequests }) => pendingRequests);
  }

  get pendingWebSockets(): number {
    return this.#sum(({ pendingWebSockets }) => pendingWebSockets);
  }

  /** Reaches the subscribers of every certificate. Returns what Bun says of the current one. */
  publish(topic: string, frame: string | Uint8Array): number {
    const bytes = frame as string | Uint8Array<ArrayBuffer>; // Bun's type leaves out shared memory
    for (const server of this.#retired) server.publish(topic, bytes);
    return this.#current.publish(topic, bytes);
  }

  async stop(isForced = false): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#retired, this.#current].map((server) => server.stop(isForced)));
  }

  /**
   * Closes the port, for others that listen on it too. WebSockets, streams and requests under way stay;
   * connections without a request are closed by Bun 1.4.5, so answers should tell clients to close
   * theirs from now on, for which this waits. Connections that the kernel is still opening for this
   * process are reset by Linux, unless `net.ipv4.tcp_migrate_req` gives them to the others.
   */
  async retire(): Promise<void> {
    this.#isStopped = true;
    await Bun.sleep(partingMs);
    void this.#current.stop();
  }

  /**
   * Lets `open` begin to listen in place of the current server, in the same turn of the loop, so that
   * the port is shut for less than a millisecond. Who is connected stays; of old certificates beyond
   * four the oldest's connections are closed. Does nothing once stopped.
   * @throws what `open` throws; then `reopen` was called to listen as before
   */
  replace(open: () => Server<unknown>, reopen: () => Server<unknown>): void {
    if (this.#isStopped) return;
    const old = this.#current;
    this.#retired.add(old);
    void old.stop().finally(() => this.#retired.delete(old));
    const [oldest] = this.#retired;
    if (this.#retired.size > retiredMax) void oldest?.stop(true);
    try {
      this.#current = open();
    } catch (thrown) {
      this.#current = reopen();
      throw thrown;
    }
  }

  #sum(count: (server: Server<unknown>) => number): number {
    return [...this.#retired, this.#current].reduce((sum, server) => sum + count(server), 0);
  }
}
