/** One WebSocket that comes back: it resumes every room and resends what was not acknowledged. */

import type { ErrorCode } from "../../src/protocol/errors.ts";
import { backoffMs } from "./backoff.ts";
import {
  type ConnectionListener,
  type ConnectionState,
  describeClose,
  tokenNeeded,
} from "./connection-state.ts";
import { Outbox } from "./outbox.ts";
import { Places } from "./places.ts";
import { Pulse } from "./pulse.ts";
import { Requests } from "./requests.ts";
import type { HeardFrame, Outgoing, Reply } from "./wire.ts";

const steadyMs = 5_000; // a connection that held so long starts the next backoff anew

const unauthenticatedClose = 4401;

/** A connection for the life of the page. Starts at once. */
export class Connection {
  readonly #url: string;
  readonly #listener: ConnectionListener;
  readonly #places = new Places();
  readonly #outbox: Outbox;
  readonly #requests = new Requests();
  readonly #pulse = new Pulse(
    () => this.#send({ type: "ping" }),
    () => this.#lose(0),
  );
  #username: string;
  #token: string | undefined;
  #newToken: string | undefined;
  #refusal = "";
  #socket: WebSocket | undefined;
  #state: ConnectionState = { kind: "connecting" };
  #attempt = 0;
  #openedAt = 0;
  #drainMs: number | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    url: string,
    { username, token }: { username: string; token: string | undefined },
    listener: ConnectionListener,
  ) {
    this.#url = url;
    this.#username = username;
    this.#token = token;
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

  /** The token that this connection acts by, once it is open. */
  get token(): string | undefined {
    return this.#token;
  }

  /** Acts by a token: an open connection goes on and is renewed in place, any other opens with it. */
  authenticate(token: string): void {
    this.#newToken = token;
    if (!this.#send({ type: "auth", token, ref: "auth" })) this.#openWith(token);
  }

  /** Acts without a token from now on. */
  signOut(): void {
    this.#openWith(undefined);
  }

  /** Joins a room, now and after every reconnect. Without `since` only new messages follow. */
  join(room: string, since?: string): void {
    this.#places.add(room, since);
    this.#sendJoin(room);
  }

  /** Leaves a room. Its messages that were not acknowledged are forgotten. */
  leave(room: string): void {
    this.#places.remove(room);
    this.#outbox.discard(room);
    this.#send({ type: "leave", room });
  }

  /** Changes the name of an anonymous user, everywhere. */
  rename(username: string): void {
    this.#username = username;
    for (const room of this.#places.rooms) this.#sendJoin(room);
  }

  /** Publishes: at once if it can, else as soon as it can. Repeating an `id` never stores it twice. */
  publish(room: string, content: unknown, id?: string, at?: number): void {
    this.#outbox.add(room, content, id, at);
  }

  /** Tells those in the room now. Dropped while not connected: a late signal means nothing. */
  signal(room: string, content: unknown): void {
    if (!this.#places.isJoined(room)) return;
    this.#send({ type: "signal", room, content, ref: `signal ${room}` });
  }

  /** Asks for messages before a position. @throws Error when refused or cut off meanwhile */
  history(room: string, before: string, limit: number): Promise<Reply<"history">> {
    return this.#requests.ask((ref) => this.#send({ type: "history", room, before, limit, ref }));
  }

  /** Ends a wait before its time. */
  retryNow(): void {
    if (this.#state.kind === "waiting") this.#open();
  }

  #open(): void {
    this.#release();
    this.#setState({ kind: "connecting" });
    // A page can send no header along; a subprotocol stands in no address and in no log.
    const bearer = this.#token === undefined ? [] : [`bearer.${this.#token}`];
    const socket = new WebSocket(this.#url, ["partyline.v1", ...bearer]);
    this.#socket = socket;
    this.#openedAt = 0;
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#hear(JSON.parse(data));
    };
    socket.onclose = ({ code }) => this.#lose(code);
    this.#pulse.begin();
  }

  #openWith(token: string | undefined): void {
    this.#token = token;
    this.#places.unjoinAll();
    this.#open();
  }

  #hear(frame: HeardFrame): void {
    this.#pulse.beat();
    switch (frame.type) {
      case "welcome":
        this.#openedAt = Date.now();
        this.#setState({ kind: "open" });
        for (const room of this.#places.rooms) this.#sendJoin(room);
        break;
      case "joined":
        this.#places.stand(frame.room, frame.position, true);
        break;
      case "message":
        this.#places.stand(frame.room, frame.position);
        break;
      case "gap":
        this.#places.stand(frame.room, frame.to);
        break;
      case "ack":
        this.#outbox.acknowledge(frame.id, frame.position);
        break;
      case "history":
        this.#requests.answer(frame);
        break;
      case "authenticated":
        this.#token = this.#newToken;
        for (const room of this.#places.unjoined) this.#sendJoin(room);
        break;
      case "left":
        this.#places.unjoin(frame.room);
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

  #refuse({ ref, code, message, retryAfterMs }: Reply<"error">): void {
    // Of somebody who has not given a token yet nothing was refused.
    const hasGiven = (this.#token ?? this.#newToken) !== undefined;
    if (code === "unauthenticated" && hasGiven) this.#refusal = message;
    // Of another user: that one has a connection of its own.
    if (ref === "auth" && code === "forbidden") return this.#openWith(this.#newToken);
    this.#requests.refuse(ref, message);
    this.#outbox.refuse(String(ref), code as ErrorCode, message, retryAfterMs);
  }

  #lose(code: number): void {
    const heldMs = this.#openedAt === 0 ? 0 : Date.now() - this.#openedAt;
    this.#release();
    this.#places.unjoinAll();
    this.#requests.refuseAll();
    if (code === 1009) this.#outbox.failLargest();
    if (code === unauthenticatedClose) {
      this.#token = undefined;
      return this.#setState({ kind: "barred", reason: this.#refusal || tokenNeeded });
    }
    if (heldMs > steadyMs) this.#attempt = 0;
    const waitMs = this.#drainMs ?? backoffMs(this.#attempt++);
    this.#drainMs = undefined;
    const reason = describeClose(code, heldMs > 0);
    this.#setState({ kind: "waiting", reason, retryAt: Date.now() + waitMs });
    this.#retryTimer = setTimeout(() => this.#open(), waitMs);
  }

  #release(): void {
    clearTimeout(this.#retryTimer);
    this.#pulse.stop();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #sendJoin(room: string): void {
    const since = this.#places.since(room);
    const username = this.#username || undefined;
    this.#send({ type: "join", room, since, username, ref: `join ${room}` });
  }

  #transmit({ id, room, content }: Outgoing): void {
    if (!this.#places.isJoined(room)) return;
    this.#send({ type: "message", room, content, id, ref: id });
  }

  #send(frame: object): boolean {
    if (this.#state.kind !== "open" || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  // Back from sleep or from another network, a socket may look open and be dead: ask, briefly.
  readonly #wake = (): void => {
    if (document.visibilityState === "hidden") return;
    if (this.#state.kind === "waiting") this.retryNow();
    else this.#pulse.check();
  };

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.#listener.onState(state);
  }
}
