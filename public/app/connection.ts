/** One WebSocket that comes back: it resumes every room and resends what was not acknowledged. */

import type { ErrorCode } from "../../src/protocol/errors.ts";
import { backoffMs } from "./backoff.ts";
import { Outbox } from "./outbox.ts";
import type { HeardFrame, Outgoing, Reply } from "./wire.ts";

const quietMs = 20_000; // without a frame for so long, a ping asks whether the server is there
const answerMs = 8_000;
const wakeAnswerMs = 3_000;
const steadyMs = 5_000; // a connection that held so long starts the next backoff anew

const closeReasons: Record<number, string> = {
  0: "The server stopped answering.",
  1011: "The server had a problem.",
  1012: "The server is restarting.",
  1013: "The server is full right now.",
  4401: "The token ran out.",
};

/** How the connection stands. `retryAt` is in milliseconds since 1970. */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "open" }
  | { readonly kind: "waiting"; readonly reason: string; readonly retryAt: number }
  | { readonly kind: "closed" };

/** What a connection tells. `onFrame` hears every frame, `onOutgoing` every change of our messages. */
export interface ConnectionListener {
  onState(state: ConnectionState): void;
  onFrame(frame: HeardFrame): void;
  onOutgoing(outgoing: Outgoing): void;
}

/** A connection for the life of the page. Starts at once; `close()` ends it for good. */
export class Connection {
  readonly #url: string;
  readonly #listener: ConnectionListener;
  readonly #rooms = new Map<string, { since: string | undefined; isJoined: boolean }>();
  readonly #outbox: Outbox;
  readonly #requests = new Map<string, PromiseWithResolvers<Reply<"history">>>();
  #username: string | undefined;
  #socket: WebSocket | undefined;
  #state: ConnectionState = { kind: "connecting" };
  #attempt = 0;
  #openedAt = 0;
  #drainMs: number | undefined;
  #refs = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #pulseTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, username: string | undefined, listener: ConnectionListener) {
    this.#url = url;
    this.#username = username;
    this.#listener = listener;
    this.#outbox = new Outbox(
      (outgoing) => this.#transmit(outgoing),
      (outgoing) => listener.onOutgoing(outgoing),
    );
    addEventListener("online", this.#wake);
    addEventListener("offline", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
    this.#open();
  }

  /** Joins a room, now and after every reconnect. Without `since` only new messages follow. */
  join(room: string, since?: string): void {
    this.#rooms.set(room, { since, isJoined: false });
    this.#sendJoin(room);
  }

  /** Leaves a room. Its messages that were not acknowledged are forgotten. */
  leave(room: string): void {
    this.#rooms.delete(room);
    this.#outbox.discard(room);
    this.#send({ type: "leave", room });
  }

  /** Changes the name of an anonymous user, everywhere. */
  rename(username: string): void {
    this.#username = username;
    for (const room of this.#rooms.keys()) this.#sendJoin(room);
  }

  /** Publishes: at once if it can, else as soon as it can. Repeating an `id` never stores it twice. */
  publish(room: string, content: unknown, id?: string, at?: number): void {
    this.#outbox.add(room, content, id, at);
  }

  /** Tells those in the room now. Dropped while not connected: a late signal means nothing. */
  signal(room: string, content: unknown): void {
    if (this.#rooms.get(room)?.isJoined === true) this.#send({ type: "signal", room, content });
  }

  /** Asks for messages before a position. @throws Error when refused or cut off meanwhile */
  history(room: string, before: string, limit: number): Promise<Reply<"history">> {
    const ref = `q${++this.#refs}`;
    const request = Promise.withResolvers<Reply<"history">>();
    this.#requests.set(ref, request);
    if (!this.#send({ type: "history", room, before, limit, ref })) {
      this.#takeRequest(ref)?.reject(new Error("Not connected."));
    }
    return request.promise;
  }

  /** Ends a wait before its time. */
  retryNow(): void {
    if (this.#state.kind === "waiting") this.#open();
  }

  /** Ends the connection for good. May be called twice. */
  close(): void {
    removeEventListener("online", this.#wake);
    removeEventListener("offline", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
    this.#release();
    this.#setState({ kind: "closed" });
  }

  #open(): void {
    this.#release();
    this.#setState({ kind: "connecting" });
    const socket = new WebSocket(this.#url, "partyline.v1");
    this.#socket = socket;
    this.#openedAt = 0;
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#hear(JSON.parse(data));
    };
    socket.onclose = ({ code }) => this.#lose(code);
    this.#expectFrame(answerMs * 2); // a connection that never opens is as good as cut
  }

  #hear(frame: HeardFrame): void {
    this.#expectFrame(quietMs, true);
    switch (frame.type) {
      case "welcome":
        this.#openedAt = Date.now();
        this.#setState({ kind: "open" });
        for (const room of this.#rooms.keys()) this.#sendJoin(room);
        break;
      case "joined":
        this.#stand(frame.room, frame.position, true);
        break;
      case "message":
        this.#stand(frame.room, frame.position);
        break;
      case "gap":
        this.#stand(frame.room, frame.to);
        break;
      case "ack":
        this.#outbox.acknowledge(frame.id, frame.position);
        break;
      case "history":
        this.#takeRequest(frame.ref)?.resolve(frame);
        break;
      case "draining":
        this.#drainMs = frame.reconnectAfterMs;
        break;
      case "error":
        this.#refuse(frame);
        break;
      default:
    }
    this.#listener.onFrame(frame);
    // Only now: the listener must know the room before its own messages come back to it.
    if (frame.type === "joined") this.#outbox.resend(frame.room);
  }

  #stand(room: string, position: string, isJoined?: boolean): void {
    const joined = this.#rooms.get(room);
    if (joined === undefined) return;
    joined.since = position;
    if (isJoined === true) joined.isJoined = true;
  }

  #refuse({ ref, code, message, retryAfterMs }: Reply<"error">): void {
    this.#takeRequest(ref)?.reject(new Error(message));
    this.#outbox.refuse(String(ref), code as ErrorCode, message, retryAfterMs);
  }

  #lose(code: number): void {
    const heldMs = this.#openedAt === 0 ? 0 : Date.now() - this.#openedAt;
    this.#release();
    for (const joined of this.#rooms.values()) joined.isJoined = false;
    for (const { reject } of this.#requests.values()) reject(new Error("The connection was cut."));
    this.#requests.clear();
    if (code === 1009) this.#outbox.failLargest();
    if (heldMs > steadyMs) this.#attempt = 0;
    const waitMs = this.#drainMs ?? backoffMs(this.#attempt++);
    this.#drainMs = undefined;
    const other = heldMs > 0 ? "The connection was cut." : "The server does not answer.";
    const reason = navigator.onLine ? (closeReasons[code] ?? other) : "You are offline.";
    this.#setState({ kind: "waiting", reason, retryAt: Date.now() + waitMs });
    this.#retryTimer = setTimeout(() => this.#open(), waitMs);
  }

  #release(): void {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#pulseTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #sendJoin(room: string): void {
    const since = this.#rooms.get(room)?.since;
    this.#send({ type: "join", room, since, username: this.#username, ref: `join ${room}` });
  }

  #transmit({ id, room, content }: Outgoing): void {
    if (this.#rooms.get(room)?.isJoined !== true) return;
    this.#send({ type: "message", room, content, id, ref: id });
  }

  #send(frame: object): boolean {
    if (this.#state.kind !== "open" || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #takeRequest(ref: unknown) {
    const request = this.#requests.get(String(ref));
    this.#requests.delete(String(ref));
    return request;
  }

  /** Waits for the next frame: when none comes, asks once if `mayAsk`, then counts as cut off. */
  #expectFrame(withinMs: number, mayAsk = false): void {
    clearTimeout(this.#pulseTimer);
    this.#pulseTimer = setTimeout(() => {
      if (mayAsk && this.#send({ type: "ping" })) this.#expectFrame(answerMs);
      else this.#lose(0);
    }, withinMs);
  }

  // Back from sleep or from another network, a socket may look open and be dead: ask, briefly.
  readonly #wake = (): void => {
    if (document.visibilityState === "hidden") return;
    if (this.#state.kind === "waiting") this.retryNow();
    else if (this.#send({ type: "ping" })) this.#expectFrame(wakeAnswerMs);
  };

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.#listener.onState(state);
  }
}
