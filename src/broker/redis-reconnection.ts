/** A link that breaks and heals by itself. */

import { PartylineError } from "../protocol/errors.ts";
import { createEpoch } from "./epoch.ts";
import { type RedisAddress, tell, withoutPlaces } from "./redis-address.ts";
import { adopt, type RedisTrail } from "./redis-adoption.ts";
import { RedisBackoff } from "./redis-backoff.ts";
import { RedisChannels } from "./redis-channels.ts";
import {
  closed,
  type RedisFault,
  RedisFaultError,
  RedisUnavailable,
  renewed,
  unusable,
} from "./redis-fault.ts";
import { epochChannel } from "./redis-keys.ts";
import type { Adopted, RedisLink, RedisLinkOptions } from "./redis-link.ts";
import type { RedisScript } from "./redis-script.ts";
import { type RedisServerInfo, warnOfServer } from "./redis-server-info.ts";
import { RedisSession } from "./redis-session.ts";
import { StoreError } from "./store-error.ts";

/** Makes a link. Nothing is opened before `start`. */
export function createRedisLink(options: RedisLinkOptions): RedisLink {
  return new ReconnectingLink(options);
}

class ReconnectingLink implements RedisLink {
  readonly node = createEpoch();
  readonly prefix: string;
  readonly #options: RedisLinkOptions;
  readonly #channels = new RedisChannels();
  readonly #backoff: RedisBackoff;
  readonly #connectActs: ((link: RedisLink, adopted: Adopted) => Promise<void>)[] = [];
  readonly #downActs: (() => void)[] = [];
  readonly #warned = new Set<string>();
  #session: RedisSession | null = null;
  #trail: RedisTrail = { epoch: "", fence: "", seq: 0, over: [] };
  #isUp = false;
  #isClosed = false;
  #reason = "The link to Redis is not open.";
  #refusal: string | null = null;

  constructor(options: RedisLinkOptions) {
    this.prefix = options.prefix;
    this.#options = options;
    this.#backoff = new RedisBackoff(options.clock);
  }

  get run(): string {
    return this.#session === null ? "" : this.#trail.fence;
  }

  health(): string | null {
    const sentence = this.#isUp ? this.#refusal : this.#reason;
    return sentence === null ? null : withoutPlaces(sentence);
  }

  async send(command: string, args: string[]): Promise<unknown> {
    return this.#connected.send(command, args);
  }

  async evaluate(script: RedisScript, keys: string[], args: string[]): Promise<unknown> {
    return this.#connected.evaluate(script, keys, args);
  }

  async subscribe(channel: string, listener: (text: string) => void): Promise<void> {
    return this.#channels.add(this.#connected, channel, listener);
  }

  unsubscribe(channel: string): void {
    if (this.#channels.remove(channel)) void this.#session?.unsubscribe(channel);
  }

  onConnect(act: (link: RedisLink, adopted: Adopted) => Promise<void>): void {
    this.#connectActs.push(act);
    const session = this.#session;
    if (session === null || !this.#isUp) return;
    act(this, this.#trail).catch((thrown) => {
      const failure = this.#fail(session, thrown);
      if (!(failure instanceof RedisFaultError)) this.#options.onFailure?.(failure);
    });
  }

  onDown(act: () => void): void {
    this.#downActs.push(act);
  }

  noteSeq(epoch: string, seq: number): void {
    if (epoch === this.#trail.epoch && seq > this.#trail.seq) this.#trail = { ...this.#trail, seq };
  }

  async start(): Promise<void> {
    try {
      await this.#connect();
    } catch (thrown) {
      if (thrown instanceof RedisFaultError) throw new StoreError(`${this.#reason} ${advice}`);
      throw thrown;
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isUp = false;
    this.#reason = "The link to Redis is closed.";
    this.#session?.close();
    this.#session = null;
    this.#backoff.close();
  }

  get #connected(): RedisSession {
    if (this.#session === null) throw new RedisUnavailable(closed);
    return this.#session;
  }

  /** Tries each address once. @throws RedisFaultError when none can be used */
  async #connect(): Promise<void> {
    const reasons: string[] = [];
    let failure: RedisFaultError | undefined;
    for (const address of this.#options.addresses) {
      try {
        return await this.#use(address);
      } catch (thrown) {
        if (!(thrown instanceof RedisFaultError)) throw thrown;
        failure = thrown;
        reasons.push(tell(address, thrown.fault.reason));
      }
      if (this.#isClosed) break;
    }
    if (!this.#isClosed) this.#reason = reasons.join(" ");
    throw failure;
  }

  async #use(address: RedisAddress): Promise<void> {
    const { prefix, clock, checkMs = 500, silenceMsMax = 3_000 } = this.#options;
    let opened: RedisSession | undefined;
    const { session, info } = await RedisSession.open({
      ...{ address, prefix, clock, checkMs, silenceMsMax, node: this.node },
      onMessage: (text, channel) => this.#hear(text, channel),
      onLost: (fault) => {
        if (opened !== undefined && opened === this.#session) this.#break(address, fault);
      },
      onRefusal: (fault) => {
        const refusal = fault === null ? null : tell(address, fault.reason);
        const wasRefused = this.#refusal !== null;
        this.#refusal = refusal;
        if (refusal !== null && !wasRefused) this.#options.onRefusal?.(refusal);
        if (refusal === null && wasRefused) this.#options.onAcceptance?.();
      },
    });
    opened = session;
    try {
      await Promise.race([this.#takeUp(session, info), session.ended]);
      if (session.fault !== undefined) await session.ended; // Lost at the last moment.
    } catch (thrown) {
      throw this.#fail(session, thrown);
    }
    this.#isUp = true;
    this.#backoff.noteUp();
  }

  /** Ends a session that could not be taken up, and says what to throw for it. */
  #fail(session: RedisSession, thrown: unknown): unknown {
    const fault = thrown instanceof RedisUnavailable ? thrown.fault : unusable;
    session.lose({ ...fault, kind: "lost" });
    if (!(thrown instanceof PartylineError || thrown instanceof RedisFaultError)) return thrown;
    // What broke the session says more than what failed after it.
    return new RedisFaultError(session.fault ?? fault);
  }

  async #takeUp(session: RedisSession, info: RedisServerInfo): Promise<void> {
    const [{ prefix }, { runId }, candidate] = [this, info, createEpoch()];
    await this.#warn(session, info);
    this.#trail = await adopt(session, { prefix, runId, candidate, known: this.#trail });
    session.hold(this.#trail.fence);
    // Bun 1.4.5 unsubscribes from nothing before the first subscription was confirmed.
    await session.subscribe([epochChannel(prefix)]);
    if (this.#isClosed) throw new RedisFaultError(closed);
    this.#session = session;
    await this.#channels.restore(session);
    const { epoch, seq } = this.#trail;
    for (const act of this.#connectActs) await act(this, { epoch, seq });
  }

  #break(address: RedisAddress, fault: RedisFault): void {
    const wasUp = this.#isUp;
    this.#session = null;
    this.#isUp = false;
    this.#refusal = null;
    this.#reason = tell(address, fault.reason);
    for (const act of this.#downActs) this.#guard(act);
    if (!wasUp) return; // Whoever connects hears of it by a rejection.
    this.#backoff.noteDown();
    this.#options.onBreak?.(this.#reason);
    void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { clock, onHeal } = this.#options;
    const beganAt = clock.now();
    while (!this.#isClosed) {
      await this.#backoff.wait();
      if (this.#isClosed) return;
      try {
        await this.#connect();
      } catch (thrown) {
        if (!(thrown instanceof RedisFaultError)) this.#options.onFailure?.(thrown);
        continue;
      }
      onHeal?.(Math.max(0, clock.now() - beganAt), this.#session?.address.place ?? "");
      return;
    }
  }

  #hear(text: string, name: string): void {
    if (name === epochChannel(this.prefix)) {
      if (text !== this.#trail.epoch) this.#session?.lose(renewed);
      return;
    }
    for (const listener of this.#channels.listenersOf(name)) {
      this.#guard(() => listener(text));
    }
  }

  /** An error thrown into Bun's client would end the process. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#options.onFailure?.(thrown);
    }
  }

  async #warn(session: RedisSession, info: RedisServerInfo): Promise<void> {
    const rules = await session.send("CONFIG", ["GET", "save"]).catch(() => undefined);
    const save = (rules as { save?: unknown } | undefined)?.save;
    for (const warning of warnOfServer(info, typeof save === "string" ? save : undefined)) {
      const sentence = tell(session.address, warning);
      if (!this.#warned.has(sentence)) this.#options.onWarning?.(sentence);
      this.#warned.add(sentence);
    }
  }
}

const advice = "Put that right, or name another one with the key redis (PARTYLINE_REDIS_URL).";
