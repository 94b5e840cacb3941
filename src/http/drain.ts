/** Leaving: everybody is told when to come back, and nothing under way is torn. */

import { PartylineError } from "../protocol/errors.ts";
import type { Log } from "../telemetry/log.ts";
import type { Serving } from "./listener.ts";

/** Milliseconds that a WebSocket has to show that it heard, before it is closed all the same. */
const hearMsMax = 1_000;
/** Milliseconds for which requests under way keep a drain waiting before the log says so. */
const untoldMsMax = 500;
/** Milliseconds that the last bytes of streams and WebSockets get to be read. */
const settleMsMax = 2_000;
/** Nobody comes back earlier: a server that starts again needs some hundred milliseconds. */
const returnMsMin = 250;
/** What each client adds to the time over which all come back, up to the whole window. */
const slotMs = 50;
/** Clients told in one turn of the event loop. */
const sliceMax = 250;
const pollMs = 5;
/** Multiples of it, modulo 1, stay evenly spread however many there are (Weyl's sequence). */
const goldenRatio = 0.618_033_988_749_895;

/** A WebSocket that can be sent away. */
export interface Leaver {
  /** True once it was told. */
  readonly isLeaving: boolean;
  /** Tells the client when to come back, and closes once it has heard and has all its answers. */
  leaveForDrain(reconnectAfterMs: number): void;
  /** Waits no longer for a sign that the client heard; its answers are still waited for. */
  hurry(): void;
}

/** The SSE streams. */
export interface Leavers {
  /** Those that are open. */
  readonly count: number;
  /** Those whose last bytes were not taken yet, the open ones included. */
  readonly unfinished: number;
  /** Tells each when to come back, and ends it. */
  leaveForDrain(reconnectAfterMs: () => number): void;
}

export interface DrainOptions {
  /** Milliseconds for which it is only told to load balancers. */
  readonly delayMs: number;
  /** Milliseconds over which clients come back, each at a moment of its own; 0 means at once. */
  readonly windowMs: number;
  /** Milliseconds after which what is still under way is cut. */
  readonly timeoutMs: number;
  readonly log: Pick<Log, "info" | "warn">;
}

/** One server's leaving, which begins once and is never taken back. */
export class Drain {
  /** WebSockets that do not count among the connections. */
  readonly others = new Set<Leaver>();
  readonly #options: DrainOptions;
  #stage: "staying" | "announced" | "leaving" = "staying";
  #isReplaced = false;
  #spreadMs = 0;
  #told = Math.random() / goldenRatio;
  #endsAt = 0;
  #left: Promise<void> | undefined;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** True once other processes listen in place of this one. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  /** Says so: then nothing need be announced first. */
  replace(): void {
    this.#isReplaced = true;
  }

  /** True from the first word of it on. */
  get isAnnounced(): boolean {
    return this.#stage !== "staying";
  }

  /** @throws draining with a delay of its own for each caller, once clients are sent away */
  assertStaying(): void {
    if (this.#stage !== "leaving") return;
    const text = "The server is going away; come back after the delay.";
    throw new PartylineError("draining", text, this.#nextDelayMs());
  }

  /** Announces it, sends everybody away, and resolves when they are gone or their time is over. */
  leave(connections: ReadonlySet<Leaver>, streams: Leavers): Promise<void> {
    this.#left ??= this.#leave(connections, streams);
    return this.#left;
  }

  /** Leaves, waits for requests under way, then closes whatever is still open, and says what it was. */
  async finish(server: Serving, connections: ReadonlySet<Leaver>, streams: Leavers): Promise<void> {
    await this.leave(connections, streams);
    const leftAt = performance.now();
    let isToldAt = leftAt + untoldMsMax;
    const count = () => {
      const { pendingRequests, pendingWebSockets } = server;
      const requests = pendingRequests - streams.unfinished;
      return { requests, connections: pendingRequests - requests + pendingWebSockets };
    };
    await this.#until(() => {
      const { requests, connections } = count();
      const now = performance.now();
      if (requests > 0 && now > isToldAt) {
        isToldAt = Number.POSITIVE_INFINITY;
        const withinMs = Math.round(this.#endsAt - now);
        this.#options.log.info({ requests, withinMs }, "Draining: requests under way may end.");
      }
      // Whoever reads slowly comes back with its position: nothing is torn that was not told.
      return requests <= 0 && (connections === 0 || now > leftAt + settleMsMax);
    });
    const left = count();
    if (left.requests > 0) {
      const text = "The drain ran out of time: requests that were still under way are cut.";
      this.#options.log.warn(left, text);
    }
    await server.stop(true);
  }

  async #leave(sockets: ReadonlySet<Leaver>, streams: Leavers): Promise<void> {
    const { windowMs, timeoutMs, log } = this.#options;
    const delayMs = this.#isReplaced ? 0 : this.#options.delayMs;
    this.#stage = "announced";
    if (delayMs > 0) {
      log.info(
        { ms: delayMs },
        "Draining: not ready any more; clients are sent away after a while.",
      );
      await Bun.sleep(delayMs);
    }
    const connections = sockets.size + this.others.size + streams.count;
    this.#spreadMs = Math.max(0, Math.min(windowMs - returnMsMin, connections * slotMs));
    this.#endsAt = performance.now() + timeoutMs;
    this.#stage = "leaving";
    const withinMs = Math.round(Math.min(windowMs, returnMsMin) + this.#spreadMs);
    if (connections > 0) log.info({ connections, withinMs }, "Draining: clients are sent away.");
    streams.leaveForDrain(() => this.#nextDelayMs());
    await this.#sendAway([sockets, this.others]);
    const left = sockets.size + this.others.size;
    if (left === 0) return;
    const text = "The drain ran out of time: connections are cut, perhaps before an answer.";
    log.warn({ connections: left }, text);
  }

  /** Tells all WebSockets, those too that were just being opened, and waits until they are closed. */
  async #sendAway(groups: readonly ReadonlySet<Leaver>[]): Promise<void> {
    const waitMs = this.#options.windowMs === 0 ? 0 : hearMsMax;
    const hurriesAt = performance.now() + waitMs;
    await this.#until(() => {
      const isLate = performance.now() >= hurriesAt;
      let told = 0;
      for (const socket of groups.flatMap((group) => [...group])) {
        if (!socket.isLeaving) {
          if (told === sliceMax) break;
          told += 1;
          socket.leaveForDrain(this.#nextDelayMs());
        }
        if (isLate) socket.hurry();
      }
      return groups.every(({ size }) => size === 0);
    });
  }

  /** Looks again and again until something is so, or the time is over. */
  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && performance.now() < this.#endsAt) await Bun.sleep(pollMs);
  }

  #nextDelayMs(): number {
    this.#told += 1;
    const floorMs = Math.min(this.#options.windowMs, returnMsMin);
    return Math.round(floorMs + ((this.#told * goldenRatio) % 1) * this.#spreadMs);
  }
}
