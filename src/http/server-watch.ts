/** Tells whoever watches the server how it is doing, once a second. Nobody watching costs nothing. */

import type { Clock } from "../hub/ports.ts";
import { Subscription } from "../hub/subscription.ts";
import { PartylineError } from "../protocol/errors.ts";
import { encodeEvent, encodePreamble } from "../protocol/event-stream.ts";
import { limits } from "../protocol/limits.ts";
import type { Identity } from "./guard.ts";
import type { Arrival } from "./roll.ts";
import { type SampleSources, ServerSampler } from "./server-sample.ts";
import type { Sessions } from "./sessions.ts";
import { StreamSession } from "./stream-session.ts";

const everyMs = 1_000;
/** Bytes that may wait for one of them: some ten samples. A sample that does not fit is left out. */
const queueBytesMax = 1_048_576;

export interface ServerWatchOptions {
  readonly sources: SampleSources;
  readonly clock: Clock;
  readonly sessions: Sessions;
}

/** `close` ends the streams and may be called twice. */
export class ServerWatch {
  readonly #options: ServerWatchOptions;
  readonly #watchers = new Map<Subscription, Watcher>();
  #sampler: ServerSampler | null = null;
  /** The newest sample, encoded. */
  #newest: Uint8Array = new Uint8Array();
  #cancel: () => void = () => {};
  #isClosed = false;

  constructor(options: ServerWatchOptions) {
    this.#options = options;
  }

  /** Those who watch. */
  get count(): number {
    return this.#watchers.size;
  }

  /**
   * Begins a stream, which has the newest sample at once. It ends with `signal`, and when its token
   * does not hold any more.
   * @throws draining, too_many
   */
  open(id: string, identity: Identity, arrival: Arrival, signal: AbortSignal): Subscription {
    if (this.#isClosed) throw new PartylineError("draining", "The server is going away.");
    const { reconnectAfterMs, watchersMax } = limits;
    if (this.#watchers.size >= watchersMax) {
      const text = `At most ${watchersMax} may watch a server at a time.`;
      throw new PartylineError("too_many", text, reconnectAfterMs, "watchersMax");
    }
    const { sessions } = this.#options;
    const subscription = new Subscription({ queueBytesMax, positions: null });
    const watcher = new Watcher(id, identity, subscription, [], arrival);
    if (this.#sampler === null) this.#begin();
    subscription.push(encodePreamble(reconnectAfterMs));
    if (identity.token !== null) watcher.welcome();
    subscription.push(this.#newest);
    this.#watchers.set(subscription, watcher);
    sessions.watch(watcher);
    subscription.onClose = () => {
      this.#watchers.delete(subscription);
      sessions.forget(watcher);
      if (this.#watchers.size === 0) this.#rest();
    };
    signal.addEventListener("abort", () => subscription.close(), { once: true });
    if (signal.aborted) subscription.close();
    return subscription;
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of [...this.#watchers.values()]) watcher.close("draining");
  }

  #begin(): void {
    this.#sampler = new ServerSampler(this.#options.sources);
    this.#sample();
  }

  #rest(): void {
    this.#cancel();
    this.#sampler = null;
  }

  #sample(): void {
    if (this.#sampler === null) return;
    const data = JSON.stringify(this.#sampler.sample());
    this.#newest = encodeEvent({ event: "stats", data });
    // Whoever is behind gets the next one: old numbers are of no use.
    for (const subscription of [...this.#watchers.keys()]) {
      if (subscription.isEmpty) subscription.push(this.#newest);
    }
    this.#cancel = this.#options.clock.after(everyMs, () => this.#sample());
  }
}

/** A stream that is for administrators only, also after its token was renewed. */
class Watcher extends StreamSession {
  override renew(identity: Identity): undefined {
    if (!identity.grant.isAdmin) {
      throw new PartylineError("forbidden", 'The token must have "admin" for all rooms ("*").');
    }
    super.renew(identity);
  }
}
