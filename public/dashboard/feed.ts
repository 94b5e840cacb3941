/** The reports of the server, once a second, for as long as the page is open. */

import { backoffMs } from "../../src/client/backoff.ts";
import type { Sender } from "../../src/protocol/frame.ts";
import type { ServerStats } from "../../src/protocol/server-report.ts";
import type { ConnectionState } from "../app/connection-state.ts";
import { fetchAs } from "../app/token.ts";
import { readEvents } from "./event-text.ts";
import { type Refusal, readRefusal } from "./refusal.ts";

/** Reports come once a second. A server that says nothing for so long is as good as gone. */
const silenceMsMax = 10_000;
/** Whatever a server asks for, nobody wants to look at an old page for longer. */
const waitMsMax = 30_000;
/** Whoever runs a server wants to see soon that it is back; there are few of them. */
const ownWaitMsMax = 10_000;

/** What a feed tells. `onAccept` comes when the server begins to report; `user` is a token's. */
export interface FeedListener {
  onStats(stats: ServerStats): void;
  onState(state: ConnectionState): void;
  onExpiring(secondsLeft: number): void;
  onAccept(user: Sender | undefined): void;
}

/** One stream at a time, and another one when it ends. */
export class Feed {
  /** Whose reports are asked for; undefined for nobody's in particular. */
  token: string | undefined;
  state: ConnectionState = { kind: "connecting" };
  readonly #listener: FeedListener;
  #current: AbortController | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #user: Sender | undefined;

  constructor(token: string | undefined, listener: FeedListener) {
    this.token = token;
    this.#listener = listener;
    addEventListener("online", () => {
      if (this.state.kind === "waiting") this.connect();
    });
  }

  /** Connects now, with the token of now; a stream that is open is given up. */
  connect(): void {
    this.#stop();
    const current = new AbortController();
    this.#current = current;
    this.#user = undefined;
    this.#stand({ kind: "connecting" });
    this.#follow(current).catch((thrown) => this.#lose(current, toRefusal(thrown)));
  }

  /** The same, for who is asked to wait. */
  reconnect(): void {
    this.#attempt = 0;
    this.connect();
  }

  async #follow(current: AbortController): Promise<void> {
    this.#expect(current);
    const { signal } = current;
    const response = await fetchAs(this.token, "admin/events", "text/event-stream", { signal });
    if (!response.ok || response.body === null) {
      return this.#lose(current, await readRefusal(response));
    }
    let farewell: Refusal = { reason: "The connection was cut." };
    for await (const { event, data } of readEvents(response.body)) {
      if (current !== this.#current) return;
      this.#expect(current);
      if (data !== undefined) farewell = this.#hear(event, JSON.parse(data)) ?? farewell;
    }
    this.#lose(current, farewell);
  }

  /** Takes an event. Returns why the stream will end, if that is what it says. */
  #hear(event: string | undefined, data: Record<string, unknown>): Refusal | undefined {
    switch (event) {
      case "stats":
        this.#attempt = 0;
        if (this.state.kind !== "open") {
          this.#stand({ kind: "open" });
          this.#listener.onAccept(this.#user);
        }
        this.#listener.onStats(data as unknown as ServerStats);
        return data.unreadyReason === "draining" ? { reason: "The server went away." } : undefined;
      case "welcome":
        this.#user = data.user as Sender;
        return undefined;
      case "token_expiring":
        this.#listener.onExpiring(Number(data.secondsLeft) || 0);
        return undefined;
      case "draining":
        return { reason: "The server went away.", afterMs: Number(data.reconnectAfterMs) };
      case "problem":
        return { reason: String(data.detail), isBarring: data.code === "unauthenticated" };
      default:
        return undefined;
    }
  }

  /** Gives up a server that says nothing, as happens when a machine or a network goes away. */
  #expect(current: AbortController): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#lose(current, { reason: "The server stopped answering." });
    }, silenceMsMax);
  }

  #lose(current: AbortController, { reason, afterMs, isBarring }: Refusal): void {
    if (current !== this.#current) return;
    this.#stop();
    if (isBarring === true) return this.#stand({ kind: "barred", reason });
    const askedMs = Number.isFinite(afterMs) ? (afterMs ?? 0) : 0;
    // Nobody waits less than a second: a countdown that flickers by tells nothing.
    const ownMs = Math.min(ownWaitMsMax, 1_000 + backoffMs(this.#attempt++));
    const waitMs = Math.min(waitMsMax, Math.max(askedMs, ownMs));
    this.#stand({ kind: "waiting", reason, retryAt: Date.now() + waitMs });
    this.#retry = setTimeout(() => this.connect(), waitMs);
  }

  #stop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#retry);
    const current = this.#current;
    this.#current = undefined;
    current?.abort();
  }

  #stand(state: ConnectionState): void {
    this.state = state;
    this.#listener.onState(state);
  }
}

/** A network's failure says nothing that a reader could use. */
function toRefusal(thrown: unknown): Refusal {
  if (!navigator.onLine) return { reason: "You are offline." };
  if (thrown instanceof SyntaxError) return { reason: "The server's answer makes no sense." };
  return { reason: "The server does not answer." };
}
