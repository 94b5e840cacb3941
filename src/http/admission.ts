/** Who may come in, how often, and how much they may begin. Every route that costs asks here. */

import type { Server } from "bun";
import type { Hub } from "../hub/hub.ts";
import { type Body, bodyBytes } from "../hub/message.ts";
import type { Clock } from "../hub/ports.ts";
import type { Room } from "../hub/room.ts";
import { ConnectionLimiter } from "../limit/connection-limiter.ts";
import type { Network } from "../limit/network.ts";
import { Newcomers } from "../limit/newcomers.ts";
import type { Pass } from "../limit/pass.ts";
import type { PublishBudget } from "../limit/publish-budget.ts";
import { RateLimiter } from "../limit/rate-limiter.ts";
import { toRate } from "../limit/token-bucket.ts";
import type { UserQuota } from "../limit/user-quota.ts";
import { isSystemRoom } from "../protocol/room-name.ts";
import type { Log } from "../telemetry/log.ts";
import { findOrigination } from "./address.ts";
import type { Drain } from "./drain.ts";
import type { Shedding } from "./shedding.ts";

/** What is bounded; in each 0 means no such bound. */
export interface AdmissionLimits {
  readonly messagesPerSecond: number;
  readonly messagesBurst: number;
  readonly publishesPerSecond: number;
  readonly publishesBurst: number;
  readonly roomsPerHour: number;
  readonly connectionsMax: number;
  readonly connectionsPerAddress: number;
  readonly connectionsPerUser: number;
  readonly speakWithinMs: number;
  /** Proxies whose word about the client is believed. */
  readonly trustedProxies: readonly Network[];
}

export interface AdmissionOptions {
  readonly limits: AdmissionLimits;
  readonly clock: Pick<Clock, "after">;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly log: Pick<Log, "warn">;
  /** Lets nobody in once it sends everybody away. */
  readonly drain: Pick<Drain, "assertStaying">;
  readonly budget: PublishBudget;
  readonly bodies: PublishBudget;
  readonly shedding: Shedding;
  /** Counts users over several nodes; null where this is the only one. */
  readonly quota?: UserQuota | null;
}

/** A WebSocket that can be closed because nothing came from it. */
export interface Silent {
  leaveForSilence(): void;
}

/** `close` stops its timer; it may be called twice. */
export class Admission {
  /** WebSockets from which no frame has come yet. */
  readonly newcomers: Newcomers<Silent>;
  /** The bytes of publishes that wait for the store. */
  readonly budget: PublishBudget;
  /** The bytes of large bodies that are arriving: apart, so that slow ones keep nobody else out. */
  readonly bodies: PublishBudget;
  readonly shedding: Shedding;
  readonly #limits: AdmissionLimits;
  readonly #log: Pick<Log, "warn">;
  readonly #drain: Pick<Drain, "assertStaying">;
  readonly #connections: ConnectionLimiter;
  readonly #publishes: RateLimiter;
  readonly #rooms: RateLimiter;
  #hasWarned = false;

  constructor({ limits, clock, now, log, drain, ...others }: AdmissionOptions) {
    this.#limits = limits;
    this.budget = others.budget;
    this.bodies = others.bodies;
    this.shedding = others.shedding;
    this.#drain = drain;
    this.#log = log;
    const frameRate = toRate(limits.messagesPerSecond, limits.messagesBurst);
    const publishRate = toRate(limits.publishesPerSecond, limits.publishesBurst);
    const roomRate = toRate(limits.roomsPerHour / 3_600, limits.roomsPerHour);
    this.#connections = new ConnectionLimiter({ ...limits, frameRate }, now, others.quota);
    const publishes = { what: "publishes", limit: "publishes-per-second" };
    this.#publishes = new RateLimiter({ rate: publishRate, now, ...publishes });
    const rooms = { what: "new rooms", limit: "rooms-per-hour" };
    this.#rooms = new RateLimiter({ rate: roomRate, now, ...rooms });
    this.newcomers = new Newcomers({
      clock,
      now,
      withinMs: limits.speakWithinMs,
      onSilent: (silent) => silent.leaveForSilence(),
    });
  }

  /**
   * Lets a connection in. `user` is null for somebody anonymous. A promise only where other nodes must
   * be asked about the user; it rejects with the same errors. Whoever gets the pass releases it.
   * @throws too_many when there are as many connections as there may be, or too much to do
   * @throws draining when the server sends everybody away
   */
  connect(request: Request, server: Server<unknown> | null, user: null): Pass;
  connect(
    request: Request,
    server: Server<unknown> | null,
    user: string | null,
  ): Pass | Promise<Pass>;
  connect(request: Request, server: Server<unknown> | null, user: string | null) {
    this.#drain.assertStaying(); // a request may have waited for the keys of its token until now
    this.shedding.assertMayConnect();
    const pass = this.#connections.admit(this.addressOf(request, server));
    if (user === null) return pass;
    try {
      const claim = pass.identify(user);
      return claim === undefined ? pass : this.#waitFor(claim, pass);
    } catch (thrown) {
      pass.release();
      throw thrown;
    }
  }

  /**
   * Has a message stored by `act`, unless there is too much to do; times how long that takes.
   * Rejects with `unavailable` then, and with whatever `act` does.
   */
  publish<Answer>(body: Body, act: () => Promise<Answer>): Promise<Answer> {
    const { budget, shedding } = this;
    try {
      shedding.assertMayPublish();
      const waiting = budget.begin(bodyBytes(body));
      const answer = act();
      const end = () => budget.end(waiting);
      answer.then(end, end);
      return answer;
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  /** Counts a publish over HTTP. @throws rate_limited when its address made too many */
  assertPublishPace(request: Request, server: Server<unknown> | null): string {
    const address = this.addressOf(request, server);
    this.#publishes.take(address);
    return address;
  }

  /**
   * Counts a room that nobody is in and that never had a message, to whoever is about to use it.
   * @throws rate_limited when that address began too many
   * @throws unavailable when the log does not answer
   */
  async enterRoom(hub: Hub, room: string, address: string): Promise<void> {
    if (isSystemRoom(room) || this.#limits.roomsPerHour === 0 || (await hub.knows(room))) return;
    this.#rooms.take(address);
  }

  /** Opens a room for a member, as {@link enterRoom} and `Hub.open` allow. */
  async openRoom(hub: Hub, room: string, address: string): Promise<Room> {
    await this.enterRoom(hub, room, address);
    return hub.open(room);
  }

  /** What limits count a request by. */
  addressOf(request: Request, server: Server<unknown> | null): string {
    const { key, isUnheard } = findOrigination(request, server, this.#limits.trustedProxies);
    if (isUnheard && !this.#hasWarned) {
      this.#hasWarned = true; // once, since anybody can send such a header
      const text = "A request names another client, but its sender is not in trust-proxy.";
      this.#log.warn(
        { address: key },
        `${text} If it is your proxy, its clients share its limits.`,
      );
    }
    return key;
  }

  async #waitFor(claim: Promise<void>, pass: Pass): Promise<Pass> {
    try {
      await claim;
      this.#drain.assertStaying(); // whoever is let in after the others were sent away would stay
      return pass;
    } catch (thrown) {
      pass.release();
      throw thrown;
    }
  }

  close(): void {
    this.newcomers.close();
    this.shedding.close();
  }
}
