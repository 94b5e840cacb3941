/** Two connections to one Redis, from when they are made until either is lost. */

import { RedisClient } from "bun";
import type { Clock } from "../hub/ports.ts";
import type { RedisAddress } from "./redis-address.ts";
import {
  closed,
  divided,
  fenced,
  type RedisFault,
  RedisFaultError,
  RedisUnavailable,
  replica,
  scriptsForgotten,
  silent,
  toRedisFault,
} from "./redis-fault.ts";
import { headsKey } from "./redis-keys.ts";
import { whyUnreachable } from "./redis-probe.ts";
import { type RedisScript, toScriptHash } from "./redis-script.ts";
import { parseServerInfo, type RedisServerInfo, refuseServer } from "./redis-server-info.ts";
import { RedisWatch } from "./redis-watch.ts";

/** What a session works with. */
export interface RedisSessionOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly node: string;
  readonly clock: Clock;
  /** Between two looks whether both connections still answer. */
  readonly checkMs: number;
  /** How long a connection may leave what it was asked unanswered. */
  readonly silenceMsMax: number;
  /** Hears each message of a channel that was subscribed to. May not throw. */
  readonly onMessage: (text: string, channel: string) => void;
  /** Hears once why it is lost, unless it was closed. */
  readonly onLost: (fault: RedisFault) => void;
  /** Hears why no writes are taken; null once they are again. */
  readonly onRefusal: (fault: RedisFault | null) => void;
}

/**
 * One pair: a connection for commands, one for subscriptions. What was sent and is not answered is
 * rejected as soon as either is lost. Each is asked for a sign of life all the time: Bun's client waits
 * for ever for a Redis that hangs. Since a connection answers in order, no command needs a timer.
 */
export class RedisSession {
  readonly address: RedisAddress;
  /** Rejects with a {@link RedisFaultError} when the session is lost or closed. */
  readonly ended: Promise<never>;
  readonly #options: RedisSessionOptions;
  readonly #commands: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #watches: readonly RedisWatch[];
  readonly #hashes = new Map<RedisScript, string>();
  readonly #end: (reason: RedisFaultError) => void;
  #fault: RedisFault | undefined;
  /** What came over each connection so far. */
  readonly #heard = { commands: 0, subscriber: 0 };
  #fence = "";
  #isRefused = false;

  private constructor(options: RedisSessionOptions) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {}); // Whoever waits for it hears of it; nobody has to.
    this.ended = promise;
    this.#end = reject;
    this.#options = options;
    this.address = options.address;
    this.#commands = this.#createClient();
    this.#subscriber = this.#createClient();
    this.#watches = (["commands", "subscriber"] as const).map((name) => {
      const [ask, heard] = [() => this.#askForLife(name), () => this.#heard[name]];
      return new RedisWatch({ ...options, ask, heard, onSilence: () => this.lose(silent) });
    });
  }

  /** Why it has ended; undefined while it has not. */
  get fault(): RedisFault | undefined {
    return this.#fault;
  }

  /**
   * Connects to a Redis that can be used.
   * @throws RedisFaultError when it cannot
   */
  static async open(
    options: RedisSessionOptions,
  ): Promise<{ session: RedisSession; info: RedisServerInfo }> {
    const session = new RedisSession(options);
    try {
      return { session, info: await session.#open() };
    } catch (thrown) {
      const fault = session.#fault ?? toRedisFault(thrown);
      session.close();
      if (thrown instanceof RedisFaultError) throw thrown;
      throw fault === undefined ? thrown : new RedisFaultError(fault);
    }
  }

  /** Names the fence that is to stay; see `lua/adopt.lua`. The session is lost when it changes. */
  hold(fence: string): void {
    this.#fence = fence;
  }

  /** Sends a command. @throws PartylineError unavailable */
  async send(command: string, args: string[]): Promise<unknown> {
    try {
      return await this.#commands.send(command, args);
    } catch (thrown) {
      throw this.#judge(thrown);
    } finally {
      this.#heard.commands += 1;
    }
  }

  /**
   * Runs a script. It is loaded on the same connection right before its first run, so that calls keep
   * their order. @throws PartylineError unavailable
   */
  evaluate(script: RedisScript, keys: string[], args: string[]): Promise<unknown> {
    let hash = this.#hashes.get(script);
    if (hash === undefined) {
      hash = toScriptHash(script);
      this.#hashes.set(script, hash);
      // Where this fails, the run after it fails too.
      this.#commands.send("SCRIPT", ["LOAD", script.lua]).catch(() => {});
    }
    return this.send("EVALSHA", [hash, `${keys.length}`, ...keys, ...args]);
  }

  /** Subscribes to channels, at least one, that are not subscribed to. @throws unavailable */
  async subscribe(channels: string[]): Promise<void> {
    try {
      await this.#subscriber.subscribe(channels, this.#onMessage);
      this.#heard.subscriber += 1;
    } catch (thrown) {
      throw this.#judge(thrown);
    }
  }

  /** Ends a subscription. */
  async unsubscribe(channel: string): Promise<void> {
    try {
      await this.#subscriber.unsubscribe(channel);
      this.#heard.subscriber += 1;
    } catch {
      // The session is lost, and the subscription with it.
    }
  }

  /** Ends the session because of a fault. Does nothing where it has ended. */
  lose(fault: RedisFault): void {
    if (this.#fault !== undefined) return;
    this.close(fault);
    this.#options.onLost(fault);
  }

  /** Ends the session. May be called twice. */
  close(fault: RedisFault = closed): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    for (const watch of this.#watches) watch.close();
    this.#end(new RedisFaultError(fault));
    for (const client of [this.#commands, this.#subscriber]) client.close();
  }

  readonly #onMessage = (text: string, channel: string) => {
    this.#heard.subscriber += 1;
    this.#options.onMessage(text, channel);
  };

  #createClient(): RedisClient {
    const client = new RedisClient(this.address.url, {
      // It would come back without its subscriptions, and give up after half a minute.
      autoReconnect: false,
      enableOfflineQueue: false,
      connectionTimeout: this.#options.silenceMsMax,
    });
    client.onclose = () => this.lose(closed);
    return client;
  }

  async #open(): Promise<RedisServerInfo> {
    const clients = [this.#commands, this.#subscriber];
    try {
      await Promise.all(clients.map((client) => client.connect()));
    } catch {
      throw new RedisFaultError(await whyUnreachable(this.address));
    }
    for (const watch of this.#watches) watch.start();
    const texts = clients.map((client) => client.send("INFO", []));
    const [info, other] = (await Promise.all(texts)).map((text) => parseServerInfo(String(text)));
    if (info === undefined || other === undefined) throw new RedisFaultError(closed);
    const refusal = refuseServer(info) ?? (info.runId === other.runId ? undefined : divided);
    if (refusal !== undefined) throw new RedisFaultError(refusal);
    // For whoever looks at CLIENT LIST; a Redis that does not permit it can be used all the same.
    const name = `partyline-${this.#options.node}`;
    for (const client of clients) client.send("CLIENT", ["SETNAME", name]).catch(() => {});
    return info;
  }

  /** What to throw at whoever sent what has failed; acts on what it says of the connection. */
  #judge(thrown: unknown): unknown {
    const fault = toRedisFault(thrown);
    if (fault === undefined) return thrown;
    if (fault === scriptsForgotten) this.#hashes.clear();
    if (fault.kind === "lost") this.lose(fault);
    if (fault.kind === "refused" && this.#fault === undefined) {
      this.#isRefused = true;
      this.#options.onRefusal(fault);
    }
    return new RedisUnavailable(fault);
  }

  /** What shows that a connection lives, and that it leads to what was adopted. */
  #askForLife(name: "commands" | "subscriber"): Promise<void>[] {
    if (name === "subscriber") return [this.#expect(this.#subscriber.send("PING", []))];
    const { prefix, node } = this.#options;
    const answers = [
      // A master may become a replica, or be emptied, while its connections stay.
      this.#expect(this.#commands.send("ROLE", []), (role) => {
        if (Array.isArray(role) && role[0] !== "master") this.lose(replica);
      }),
    ];
    if (this.#fence !== "") {
      const fence = this.#commands.send("HGET", [headsKey(prefix), " run"]);
      answers.push(this.#expect(fence, (found) => found !== this.#fence && this.lose(fenced)));
    }
    if (this.#isRefused) {
      const written = this.#commands.send("SET", [`${prefix}:probe`, node, "PX", "1000"]);
      answers.push(
        this.#expect(written, () => {
          this.#isRefused = false;
          this.#options.onRefusal(null);
        }),
      );
    }
    return answers;
  }

  async #expect(asked: Promise<unknown>, judge: (answer: unknown) => unknown = () => {}) {
    try {
      const answer = await asked;
      if (this.#fault === undefined) judge(answer);
    } catch (thrown) {
      this.#judge(thrown); // An error is a sign of life too.
    }
  }
}
