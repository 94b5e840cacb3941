/** Publishing one message by `POST`, which needs no room to be joined and nothing to be read. */

import { backoffMs } from "../client/backoff.ts";
import { HttpCalls, toPath } from "../client/http-calls.ts";
import { LineError } from "../client/index.ts";
import { SetupError, type Target } from "./connection-options.ts";
import { formatWait } from "./line-states.ts";
import { formatSeconds } from "./quantity.ts";
import { findObstacle } from "./reachability.ts";

type Fetch = Target["options"]["fetch"];

/** What passes by itself. */
const passing: ReadonlySet<string> = new Set([
  ...["rate_limited", "unavailable", "draining", "too_many", "internal"],
]);

/** What a connection fails with that never was, or speaks no TLS: nothing can have been sent. */
const closedDoors: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "EPROTO"],
]);

export interface PostOptions {
  /** How somebody without a token is called. */
  readonly username: string | undefined;
  /** Milliseconds for which one message is tried; 0 for ever. */
  readonly withinMs: number;
  /** Says on standard error what is waited for. */
  readonly complain: (text: string) => void;
  /** Hears of each refusal for the pace, and why it was. */
  readonly tellPace: (reason: string) => void;
}

/** Publishes to one room by `POST`. */
export class Poster {
  readonly #target: Target;
  readonly #room: string;
  readonly #options: PostOptions;
  #wasReached = false;

  constructor(target: Target, room: string, options: PostOptions) {
    const fetch = this.#watch(target.options.fetch);
    this.#target = { ...target, options: { ...target.options, fetch } };
    this.#room = room;
    this.#options = options;
  }

  /**
   * Publishes JSON text, or bytes. Resolves to the position once it is stored; tried again with the
   * same `id`, it is stored once.
   * @throws LineError when the server refuses it
   * @throws SetupError when the server cannot be reached in time, or never will be
   */
  async publish(body: string | Uint8Array, id: string): Promise<string> {
    const { withinMs, complain, tellPace } = this.#options;
    const giveUpAt = withinMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + withinMs;
    let mayBeStored = false;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#post(body, id);
      } catch (error) {
        if (!(error instanceof LineError)) throw error;
        const reason = await this.#explain(error);
        mayBeStored ||= this.#wasReached && error.code !== "rate_limited";
        const waitMs = (error.retryAfterMs ?? 0) + backoffMs(attempt);
        if (performance.now() + waitMs > giveUpAt) {
          const outcome = mayBeStored
            ? `Whether the message is stored is not known; --id ${id} says it again without saying ` +
              "it twice."
            : "The message was not stored.";
          throw new SetupError(`${reason} Gave up after ${formatSeconds(withinMs)}. ${outcome}`);
        }
        if (error.code !== "rate_limited") complain(formatWait(reason, waitMs));
        else tellPace(reason);
        await Bun.sleep(waitMs);
      }
    }
  }

  /** Notes whether the server was ever reached. One that was may have taken what failed later. */
  #watch(fetch: Fetch): Fetch {
    return async (address, init) => {
      try {
        const response = await fetch(address, init);
        this.#wasReached = true;
        return response;
      } catch (error) {
        const code = error instanceof Error && "code" in error ? String(error.code) : "";
        if (!closedDoors.has(code)) this.#wasReached = true;
        throw error;
      }
    };
  }

  /** @throws LineError */
  async #post(body: string | Uint8Array, id: string): Promise<string> {
    const { url, options } = this.#target;
    const { username } = this.#options;
    const calls = new HttpCalls(`${url}/`, options);
    calls.token = await options.token();
    const isBytes = typeof body !== "string";
    // With JSON the id can have any signs; a header has only some.
    const fields = JSON.stringify({ id, username }).slice(0, -1); // left open
    const query = isBytes && username ? `?username=${encodeURIComponent(username)}` : "";
    const { position } = await calls.get(`${toPath(this.#room)}/messages${query}`, {
      method: "POST",
      headers: {
        "content-type": isBytes ? "application/octet-stream" : "application/json",
        ...(isBytes && { "idempotency-key": id }),
      },
      body: isBytes ? (body as Uint8Array<ArrayBuffer>) : `${fields},"content":${body}}`,
    });
    if (typeof position === "string") return position;
    throw new LineError("not_found", "The answer was not from a Partyline server.");
  }

  /** Says what keeps it from being stored for now. @throws what no waiting will change */
  async #explain(error: LineError): Promise<string> {
    // Our server has the route that is asked for: something else answered.
    const isForeign = error.code === "not_found";
    if (!isForeign && !passing.has(error.code)) throw error;
    const isMute = isForeign || error.code === "unavailable";
    const obstacle = isMute ? await findObstacle(this.#target) : undefined;
    if (obstacle?.isLasting === true) throw new SetupError(obstacle.sentence);
    if (isForeign) throw obstacle === undefined ? error : new SetupError(obstacle.sentence);
    return obstacle?.sentence ?? error.message;
  }
}
