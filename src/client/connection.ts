/** One link at a time to a server, and the next one when it is lost. */

import type { ErrorCode } from "../protocol/errors.ts";
import type { Sender } from "../protocol/frame.ts";
import { backoffMs, longestMs } from "./backoff.ts";
import type { ConnectOptions, LineEvents, LineState, Transport, Welcome } from "./contract.ts";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";
import { gone, HttpCalls } from "./http-calls.ts";
import { LineError } from "./line-error.ts";
import type { Hear, Heard, HeardFrame, JoinRequest, Link, Request } from "./link.ts";
import { Listeners } from "./listeners.ts";
import { createSocketLink, type SocketClass } from "./socket-link.ts";
import { StreamLink } from "./stream-link.ts";

/** Connects when it is told to, and from then on until it is closed or refused. */
export abstract class Connection extends Listeners<LineEvents> {
  readonly #options: ConnectOptions;
  declare protected readonly http: HttpCalls;
  state: LineState = { name: "connecting" };
  user: Sender | null = null;
  welcome: Welcome | null = null;
  #link: Link | undefined;
  #heartbeat: Heartbeat | undefined;
  /** Counts what was begun: whatever is of an earlier turn comes too late. */
  #turn = 0;
  /** What ends the state that it is in: a wait, or an attempt that takes too long. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #openedAt = 0;
  /** What the server said before it goes away. */
  #drain: LineError | undefined;
  /** Why the token that the calls have was refused: it is not shown again. */
  #refusal: LineError | undefined;
  #transport: Transport = "websocket";
  /** Whether it may have been the server that was away, and not WebSocket that was blocked. */
  #isInDoubt = false;

  constructor(base: string, options: ConnectOptions) {
    super();
    this.#options = options;
    this.http = new HttpCalls(base, options);
  }

  /** The joins to begin a link with. */
  protected abstract readonly joins: readonly JoinRequest[];
  /** The link that there is from now on; undefined when there is none any more. */
  protected abstract attach(link: Link | undefined): void;
  /** Takes all that comes, save what tells nothing to anybody else. */
  protected abstract hear(frame: HeardFrame): void;
  /** It is closed: by its owner, which is `closed`, or because it was refused. */
  protected abstract end(error: LineError): void;

  renew(): void {
    if (this.state.name !== "open") {
      this.#refusal = undefined;
      return this.connect();
    }
    this.#findToken(
      (token) => {
        if (token === this.http.token) return;
        if (!token) return this.connect(); // nobody can sign out in place
        this.http.token = token;
        this.send({ type: "auth", ref: "a", token });
      },
      (error) => this.emit("error", error),
    );
  }

  retry(): void {
    if (this.state.name === "waiting") this.connect();
    this.#heartbeat?.check();
  }

  /** Goes on as if nothing had failed yet: the first try may still come too early. */
  protected wake(): void {
    this.#attempt = 0;
    this.retry();
  }

  protected connect(): void {
    this.#release(false);
    const lose = (error?: LineError) => this.#lose(error ?? gone());
    const openMs = 10_000; // for the token, the link and the welcome, all in all
    this.#timer = setTimeout(lose, openMs);
    this.#findToken((token) => this.#open(token), lose);
    this.#enter({ name: "connecting" }); // last: whoever hears it may close the line
  }

  /** Sends while it is open; what was not sent is asked again on the next link. */
  send(request: Request): void {
    if (this.state.name === "open") this.#link?.send(request);
  }

  /** Closes it, because of an error or because it was asked to. */
  protected shut(error: LineError): void {
    this.#release(false);
    this.end(error);
    const { code, message: reason } = error;
    this.#enter({ name: "closed", reason, code: code === "closed" ? undefined : code });
  }

  /** Asks for the token, and acts by it unless something else has begun meanwhile. */
  async #findToken(
    act: (token: string | undefined) => void,
    fail: (error: LineError) => void,
  ): Promise<void> {
    const turn = this.#turn;
    let { token } = this.#options;
    try {
      await undefined; // nobody can be listening yet, and a function may throw at once
      if (typeof token === "function") token = await token();
    } catch {
      // What it says could hold the token.
      if (turn === this.#turn) fail(gone("There is no token."));
      return;
    }
    if (turn === this.#turn) act(token?.trim() || undefined);
  }

  #open(token: string | undefined): void {
    const { http } = this;
    if (this.#refusal && token === http.token) return this.shut(this.#refusal);
    this.#refusal = undefined;
    const { transport = "auto", WebSocket = globalThis.WebSocket } = this.#options;
    if (transport !== "auto") this.#transport = transport;
    http.token = token;
    const turn = this.#turn;
    const hear: Hear = (frame) => {
      if (turn === this.#turn) this.#hear(frame);
    };
    try {
      this.#link =
        this.#transport === "sse"
          ? new StreamLink(this.joins, http, hear)
          : createSocketLink(WebSocket as SocketClass, http, hear);
    } catch {
      // What it says could hold the token.
      this.#lose(gone());
    }
  }

  #hear(frame: HeardFrame): void {
    switch (frame.type) {
      case "pong":
        return this.#heartbeat?.beat();
      case "welcome":
        return this.#begin(frame);
      case "lost":
        return this.#lose(frame.error);
      case "draining":
        this.#drain = new LineError("draining", "The server restarts.", frame.reconnectAfterMs);
        return;
      case "token_expiring":
        this.emit("expiring", frame);
        return this.renew();
      case "authenticated":
        this.user = frame.user;
        return this.emit("user", frame.user);
      default:
        // Of another user, or of a stream that is gone: that one needs a link of its own.
        if (frame.type === "error" && frame.ref === "a" && frame.error.code === "forbidden") {
          this.connect();
        } else this.hear(frame);
    }
  }

  #begin(frame: Heard<"welcome">): void {
    const link = this.#link as Link;
    const transport = this.#transport;
    // A stream is opened anew for another room.
    const isNew = this.state.name !== "open";
    if (isNew) {
      const isSocket = transport === "websocket";
      const wasInDoubt = this.#isInDoubt;
      this.#isInDoubt = isSocket;
      if (wasInDoubt && !isSocket) {
        // The server is there now: WebSocket gets the next try, and this is what it falls back to.
        this.#transport = "websocket";
        return this.connect();
      }
      clearTimeout(this.#timer);
      this.#openedAt = Date.now();
      const { heartbeatMs = 15_000 } = frame.limits;
      this.#heartbeat = startHeartbeat(
        heartbeatMs,
        () => link.ping(),
        () => this.#lose(gone()),
      );
      this.#enter({ name: "open", transport });
    }
    this.user = frame.user;
    this.welcome = frame;
    this.emit("welcome", frame);
    if (isNew) this.attach(link);
  }

  #lose(lost: LineError): void {
    const drain = this.#drain;
    const error = drain ?? lost;
    const code = error.code as ErrorCode;
    this.#drain = undefined;
    const heldMs = this.#openedAt && Date.now() - this.#openedAt;
    this.#release(true);
    if (code === "unauthenticated") {
      this.#refusal = error;
      if (typeof this.#options.token !== "function") return this.shut(error);
    }
    const steadyMs = 30_000; // after that, earlier failures are forgotten
    if (heldMs >= steadyMs) {
      this.#attempt = 0;
      this.#transport = "websocket"; // what was in its way may be gone
    } else if (!heldMs && code === "unavailable") {
      // The other transport is next. What neither reaches is away.
      const isStream = this.#transport === "sse";
      this.#isInDoubt ||= isStream;
      this.#transport = isStream ? "websocket" : "sse";
    } else if (code === "too_large") {
      // It would cut each connection anew; by POST it alone is refused.
      this.#isInDoubt = false;
      this.#transport = "sse";
    }
    const waitMs = (error.retryAfterMs || 0) + (drain ? 0 : backoffMs(this.#attempt));
    // Over a line that is cut again and again the waits need not outgrow what each link held.
    if (!drain && heldMs < longestMs(this.#attempt)) this.#attempt += 1;
    this.#timer = setTimeout(() => this.connect(), waitMs);
    this.#enter({ name: "waiting", retryAt: Date.now() + waitMs, reason: error.message, code });
  }

  #release(isDead: boolean): void {
    clearTimeout(this.#timer);
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
    this.#openedAt = 0;
    this.#link?.close(isDead);
    this.#turn += 1;
    this.attach(undefined);
  }

  #enter(state: LineState): void {
    this.state = state;
    this.emit("state", state);
  }
}
