/** What the client offers: a line to a server, rooms on it, and what comes out of them. */

import type { ErrorCode } from "../protocol/errors.ts";
import type { GapFrame, Member, Sender } from "../protocol/frame.ts";
import type { LineError } from "./line-error.ts";

/** How to connect. All of it may be left out. */
export interface ConnectOptions {
  /**
   * Who you are, as a JWT; nobody in particular without one. A function is asked before each
   * connection, when the token runs out and when it was refused; undefined means without a token.
   */
  readonly token?: string | (() => Promise<string | undefined> | string | undefined);
  /** The name of somebody without a token: 1 to 40 visible characters. */
  readonly username?: string;
  /** `auto` (as if left out) takes SSE and `POST` where WebSocket does not get through. */
  readonly transport?: "auto" | Transport;
  /** Publishes that may wait for their acknowledgement at once; 1,000 if left out. */
  readonly pendingMax?: number;
  /** Their contents, in characters of JSON and bytes; 8 MiB if left out. */
  readonly pendingBytesMax?: number;
  /** A WebSocket class where the platform has none, such as that of `ws` on Node 20. */
  readonly WebSocket?: new (
    url: string,
    protocols: string[],
  ) => Pick<WebSocket, "close" | "readyState">;
  /** A `fetch` of your own, for instance through a proxy. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** What a line runs over: WebSocket, or Server-Sent Events down and `POST` up. */
export type Transport = "websocket" | "sse";

/**
 * How a line stands. `retryAt` is milliseconds since 1970. `reason` is a sentence for people; `code`
 * is the server's, as far as it told one. A line that was refused is `closed` with a code, and
 * {@link Line.renew} opens it again; one that you closed has none, and stays closed.
 */
export type LineState =
  | { readonly name: "connecting" }
  | { readonly name: "open"; readonly transport: Transport }
  | {
      readonly name: "waiting";
      readonly retryAt: number;
      readonly reason: string;
      readonly code?: ErrorCode;
    }
  | { readonly name: "closed"; readonly reason: string; readonly code?: ErrorCode };

/**
 * What the server said first. `limits` holds its ceilings by name. Over SSE only the `user` of a token
 * is told: `connection` is then that of the stream, else empty; `limits` and `server` are empty.
 */
export interface Welcome {
  readonly connection: string;
  readonly user: Sender | null;
  readonly limits: Readonly<Record<string, number>>;
  readonly server: { readonly name?: string; readonly version?: string };
}

/** What can be heard of a line. */
export interface LineEvents {
  /** It stands differently now; how it stands when you begin to listen is in {@link Line.state}. */
  state: LineState;
  /** A connection is there: the first, or a new one. */
  welcome: Welcome;
  /** Who you are changed without a new connection: a token was renewed or shown. */
  user: Sender;
  /** The token runs out soon. Its function is asked for another one next. */
  expiring: { readonly secondsLeft: number };
  /**
   * Something went wrong that no call could be told of, or what is pending or a room that is joined
   * has to wait: for `retryAfterMs`, when that was told. The line goes on.
   */
  error: LineError;
}

/** A line to a server, for as long as you like: it comes back by itself. Close it when done. */
export interface Line extends Disposable, AsyncDisposable {
  readonly state: LineState;
  /** Who you are, as far as the server has told. */
  readonly user: Sender | null;
  /** What the server said first on the newest connection; null before any. */
  readonly welcome: Welcome | null;
  /** How many publishes are not acknowledged yet. */
  readonly pending: number;
  /** The rooms joined, by name. */
  readonly rooms: ReadonlyMap<string, Room>;
  /** The name of somebody without a token. Setting it renames you in all rooms. */
  username: string | undefined;
  /**
   * Joins a room, now and after each reconnect. Returns at once; a room that is joined already is
   * returned as it is, whatever the options.
   */
  join<Content = unknown, SignalContent = unknown>(
    room: string,
    options?: JoinOptions,
  ): Room<Content, SignalContent>;
  /** Calls `listener` on each event; returns what ends that. */
  on<Name extends keyof LineEvents>(
    name: Name,
    listener: (event: LineEvents[Name]) => void,
  ): () => void;
  /** Ends a wait before its time; looks at once whether a line that is open is still there. */
  retry(): void;
  /**
   * Asks the token function again and acts by what it gives: in place where that is the same user's
   * (over SSE the stream is opened anew, from where each room stands), else by a new connection. Opens
   * a line again that was closed because a token was refused.
   */
  renew(): void;
  /**
   * Resolves when nothing is pending any more, to true, or to false after `withinMs` milliseconds.
   */
  flush(withinMs?: number): Promise<boolean>;
  /**
   * Leaves everything. Iterations end, what is pending is rejected with `closed`. May be called twice.
   * `using` calls it; `await using` first waits up to 5 s for what is pending.
   */
  close(): void;
}

/** How to join a room. */
export interface JoinOptions {
  /** A position, `start` for all that is kept, or `end` (as if left out) for new messages only. */
  readonly since?: string;
}

/** A message. `at` is milliseconds since 1970. */
export interface Message<Content = unknown> {
  readonly type: "message";
  readonly room: string;
  readonly position: string;
  readonly id: string;
  readonly from: Sender;
  readonly at: number;
  /** What was published; undefined where that was bytes. */
  readonly content: Content;
  /** The bytes that were published; undefined where it was content. */
  readonly bytes?: Uint8Array;
  /** What was missed just before this message. Only iterations tell it so; others hear `gap`. */
  readonly gap?: Gap;
}

/** Something told to those in the room now: not kept, not numbered. */
export interface Signal<Content = unknown> {
  readonly type: "signal";
  readonly room: string;
  readonly from: Sender;
  readonly content: Content;
  readonly bytes?: Uint8Array;
}

/** Who came (or changed their name) and who went. `members` is how many there are now. */
export interface Presence {
  readonly type: "presence";
  readonly room: string;
  readonly joined: readonly Member[];
  readonly left: readonly Member[];
  readonly members: number;
  readonly observers: number;
}

/** Messages were missed: `trimmed`, or the numbering began anew (`reset`). What comes follows `to`. */
export type Gap = GapFrame;

/** Where a reader stands after a join: every message after `position` comes. */
export interface Joined {
  readonly room: string;
  readonly position: string;
}

/** Messages of the past, oldest first. `more` is true when older ones are kept. */
export interface History<Content = unknown> {
  readonly messages: readonly Message<Content>[];
  readonly more: boolean;
}

/** What can be heard of a room. */
export interface RoomEvents<Content = unknown, SignalContent = unknown> {
  message: Message<Content>;
  signal: Signal<SignalContent>;
  presence: Presence;
  gap: Gap;
  /** The room is joined: for the first time, or after a reconnect. */
  joined: Joined;
  /** A signal was refused, or the room cannot be joined; then it is left and iterations throw this. */
  error: LineError;
}

/**
 * A room. Iterating gives each message once, in order, and holds at most 500 of them: for who is slower
 * it reads on from the log. The first iteration begins where the room was joined, each later one
 * with what comes next; `break` ends that one only. Iterations end when the room is left.
 */
export interface Room<Content = unknown, SignalContent = unknown>
  extends AsyncIterable<Message<Content>>,
    Disposable {
  readonly name: string;
  /** True while the room can be used at once: the line is open, and the server let you in. */
  readonly isJoined: boolean;
  /** Where it stands: at the newest message heard, or where it began; undefined until that is known. */
  readonly position: string | undefined;
  /** Who is here, kept up to date: the first 500, none where you may not see them. */
  readonly members: readonly Member[];
  readonly memberCount: number;
  /** SSE streams that read the room. */
  readonly observers: number;
  /** Calls `listener` on each event; returns what ends that. */
  on<Name extends keyof RoomEvents>(
    name: Name,
    listener: (event: RoomEvents<Content, SignalContent>[Name]) => void,
  ): () => void;
  /**
   * Publishes any JSON value, or bytes. Resolves to its position once it is stored. While the line is
   * down it waits; what was not acknowledged is sent again with its `id`, and stored once. An `id` of
   * your own is 1 to 128 visible signs of ASCII. Whoever does not wait for it hears of no failure.
   * @throws LineError with the server's code; `too_many` when too much waits already; `closed`
   */
  publish(content: Content | Uint8Array, options?: { readonly id?: string }): Promise<string>;
  /** Tells those in the room now. Dropped while the room is not joined. */
  signal(content: SignalContent | Uint8Array): void;
  /**
   * Reads messages before a position, the newest if it is left out. `limit` is 1 to 500, 50 if left out.
   * @throws LineError with the server's code, or `closed`
   */
  history(options?: {
    readonly before?: string;
    readonly limit?: number;
  }): Promise<History<Content>>;
  /** Leaves. Iterations end; what is pending is rejected with `closed`. May be called twice. */
  leave(): void;
}
