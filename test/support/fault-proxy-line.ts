/** One connection through the fault proxy: a client's socket, the server's, and what goes between. */

import type { Socket } from "bun";
import type { Chance } from "./chance.ts";
import type { Cut, Faults } from "./fault-proxy-faults.ts";
import { FaultProxyFlow } from "./fault-proxy-flow.ts";
import {
  headLength,
  isEventStream,
  isUpgrade,
  type RequestHead,
  readHead,
  toRefusal,
  withoutUpgrade,
} from "./fault-proxy-head.ts";

/** What a line needs of its proxy. */
export interface FaultProxyLineOptions {
  readonly client: Socket<unknown>;
  /** The server's port on this host. */
  readonly port: number;
  readonly faults: Readonly<Faults>;
  readonly chance: Chance;
  readonly onRequest: (head: RequestHead) => void;
  readonly onClose: () => void;
}

/** A line is open until either side ends it, unless it is dead: then nobody ever hears of it. */
export class FaultProxyLine {
  readonly #options: FaultProxyLineOptions;
  readonly #client: Socket<unknown>;
  #server: Socket<unknown> | null = null;
  #up: FaultProxyFlow | null = null;
  #down: FaultProxyFlow | null = null;
  /** What the client said before it is known what to do with it; null once it is. */
  #opening: Uint8Array | null = new Uint8Array();
  /** What the client said while the server was not reached yet. */
  readonly #early: Uint8Array[] = [];
  /** Bytes that the server has sent. */
  #downBytes = 0;
  #idleTimer: Timer | null = null;
  #isHeld = false;
  #isClosed = false;
  #isClientDone = false;
  #isDead = false;
  /** True for a WebSocket that was let through. */
  isSocket = false;
  /** True for a request that was swallowed. */
  isUnanswered = false;
  /** True once the server answered with an event stream. */
  isStream = false;

  constructor(options: FaultProxyLineOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#isDead = options.faults.isDark;
    this.#touch();
  }

  /** True when nothing passes any more, and neither side was told. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** The client said something. */
  fromClient(bytes: Uint8Array): void {
    if (this.#isDead || this.#isClosed) return;
    this.#touch();
    if (this.#up !== null) this.#up.push(bytes.slice());
    else if (this.#opening === null) this.#early.push(bytes.slice());
    else {
      this.#opening = Buffer.concat([this.#opening, bytes]);
      this.#begin(this.#opening);
    }
  }

  /** The client will say no more. */
  clientEnded(): void {
    this.#isClientDone = true;
    if (!this.#isDead) this.#up?.finish();
  }

  /** The client's socket is gone. A server at the end of a dead line is not told. */
  clientClosed(): void {
    if (!this.#isDead) this.cut("fin");
  }

  clientDrained(): void {
    this.#down?.drain();
  }

  /** Ends both sides; what is still on its way is lost. */
  cut(how: Cut): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#up?.close();
    this.#down?.close();
    for (const socket of [this.#client, this.#server]) {
      if (how === "rst") socket?.terminate();
      else socket?.end();
    }
    this.#options.onClose();
  }

  /** From now on whatever either side says goes nowhere, and neither hears of the other's end. */
  die(): void {
    this.#isDead = true;
    this.#up?.close();
    this.#down?.close();
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
  }

  /** Passes nothing on until `release`, and then all of it. */
  hold(): void {
    this.#isHeld = true;
    this.#up?.hold();
    this.#down?.hold();
  }

  release(): void {
    this.#isHeld = false;
    this.#up?.release();
    this.#down?.release();
  }

  #begin(opening: Uint8Array): void {
    const head = readHead(opening);
    if (head === "incomplete") return;
    this.#opening = null;
    if (head === "foreign") return this.#connect(opening);
    this.#options.onRequest(head);
    if (!isUpgrade(head)) return this.#connect(opening);
    const { upgrades } = this.#options.faults;
    switch (upgrades) {
      case "pass":
        this.isSocket = true;
        return this.#connect(opening);
      case "swallow":
        this.isUnanswered = true;
        return;
      case "strip":
        return this.#connect(withoutUpgrade(head));
      default:
        this.#client.end(toRefusal(upgrades));
    }
  }

  #connect(opening: Uint8Array): void {
    const { port, faults, chance } = this.#options;
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      socket: {
        open: (server) => {
          if (this.#isClosed) return void server.terminate();
          this.#server = server;
          this.#up = new FaultProxyFlow(this.#client, server, faults, chance);
          this.#down = new FaultProxyFlow(server, this.#client, faults, chance);
          if (this.#isHeld) this.hold();
          for (const bytes of [opening, ...this.#early.splice(0)]) this.#up.push(bytes);
          if (this.#isClientDone) this.#up.finish();
        },
        data: (_, bytes) => this.#fromServer(bytes),
        drain: () => this.#up?.drain(),
        end: () => {
          if (!this.#isDead) this.#down?.finish();
        },
        close: () => {
          if (!this.#isDead) this.#down?.finish();
        },
        error: () => {}, // a reset is followed by `close`
        connectError: () => this.cut("rst"),
      },
    }).catch(() => this.cut("rst"));
  }

  #fromServer(bytes: Uint8Array): void {
    if (this.#isDead || this.#isClosed) return;
    this.#touch();
    const { truncateAfterBytes } = this.#options.faults;
    this.#downBytes += bytes.length;
    const beyond = truncateAfterBytes > 0 ? this.#downBytes - truncateAfterBytes : -1;
    if (beyond >= 0) {
      this.#client.write(bytes.subarray(0, Math.max(0, bytes.length - beyond)));
      return this.cut("fin");
    }
    const flow = this.#down;
    if (flow === null) return;
    if (this.isStream || !isEventStream(bytes)) return flow.push(bytes.slice());
    this.isStream = true;
    const headBytes = this.#options.faults.buffersHead ? 0 : headLength(bytes);
    flow.push(bytes.slice(0, headBytes));
    flow.gathers = true;
    flow.push(bytes.slice(headBytes));
  }

  #touch(): void {
    const { idleMs } = this.#options.faults;
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer =
      idleMs > 0 && !this.#isDead ? setTimeout(() => this.cut("fin"), idleMs) : null;
  }
}
