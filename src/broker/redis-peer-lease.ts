/** One node's lease among those that share a Redis, and the taking out of nodes whose lease ran out. */

import type { Clock } from "../hub/ports.ts";
import type { RedisLink } from "./redis-link.ts";
import { evictScript, leaseScript } from "./redis-peer-scripts.ts";

export interface PeerLeaseOptions {
  readonly link: RedisLink;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Numbers this node's calls. */
  readonly nextCall: () => number;
  /** Called when this node must tell everything anew: it has no lease, or others took it out. */
  readonly onLost: () => void;
  /** Called after each renewal, with the nodes that have told everything. */
  readonly onRenewed: (settled: ReadonlySet<string>) => void;
  /** Called for a node that has no lease any more, for as long as one lasts. */
  readonly onMissing: (node: string) => void;
  /** Hears of defects. */
  readonly onFailure: (thrown: unknown) => void;
}

/** Rooms that a node is taken out of in one piece: a millisecond or so. */
const evictRoomsMax = 200;
/** Renewals in the time of one lease, so that two may be late. */
const beatsPerLease = 3;

/** It does nothing before `connect` and after `close`, which may be called twice. */
export class PeerLease {
  readonly #options: PeerLeaseOptions;
  /** True once everything was told under this lease. */
  isSettled = false;
  /** Since when all went well: nobody is taken for dead before that has lasted for a lease. */
  #calmSince = Number.POSITIVE_INFINITY;
  #beatAt = 0;
  #hasBegun = false;
  /** When Redis was found to have lost this node's lease, and so perhaps that of others. */
  #lostAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #cancelBeat: (() => void) | null = null;
  /** Nodes that were heard of, and since when they have no lease; 0 while they have one. */
  readonly #nodes = new Map<string, number>();

  constructor(options: PeerLeaseOptions) {
    this.#options = options;
  }

  /** Notes a node that was heard of. */
  meet(node: string): void {
    if (!this.#nodes.has(node)) this.#nodes.set(node, 0);
  }

  /**
   * Tells whether nodes that were heard of, this one among them, are not among those that have a lease
   * although they may be there: Redis was emptied.
   */
  awaits(leased: ReadonlySet<string>): boolean {
    const { link, clock, leaseMs } = this.#options;
    if (!leased.has(link.node)) return true;
    if (clock.now() - this.#lostAt >= leaseMs) return false;
    return [...this.#nodes.keys()].some((node) => !leased.has(node));
  }

  /** Begins to renew. Others may have been cut off as this node was: they get the time of a lease. */
  connect(): void {
    this.#calmSince = Number.POSITIVE_INFINITY;
    this.#schedule(0);
  }

  /** Takes out what others know of this node, which is about to tell everything. @throws unavailable */
  async begin(): Promise<void> {
    const { isKnown } = await this.#renew("begin");
    if (!isKnown && this.#hasBegun) this.#lostAt = this.#options.clock.now();
    this.#hasBegun = true;
    while (await this.#takeOut(this.#options.link.node, "clear")) {
      // Slice by slice, so that Redis does other things in between.
    }
  }

  /** Tells that everything was told. Resolves to false when it was in vain. @throws unavailable */
  async end(): Promise<boolean> {
    const { isKnown } = await this.#renew("end");
    this.isSettled = isKnown;
    return isKnown;
  }

  /**
   * Says good-bye: what is still told of this node holds for so long, and of a user until they come back
   * elsewhere. @throws unavailable
   */
  async leave(withinMs: number): Promise<void> {
    this.close();
    await this.#renew("leave", withinMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelBeat?.();
  }

  #schedule(delayMs: number): void {
    this.#cancelBeat?.();
    if (this.#isClosed) return;
    this.#cancelBeat = this.#options.clock.after(delayMs, () => {
      this.#beat().catch((thrown) => {
        this.#calmSince = Number.POSITIVE_INFINITY;
        this.#options.onFailure(thrown);
      });
    });
  }

  async #beat(): Promise<void> {
    const { leaseMs, clock, link } = this.#options;
    const beatMs = leaseMs / beatsPerLease;
    this.#schedule(beatMs); // whatever becomes of this one
    const startedAt = clock.now();
    const isOnTime = startedAt - this.#beatAt < 2 * beatMs;
    this.#beatAt = startedAt;
    const { isKnown, now, scores } = await this.#renew("beat");
    const endedAt = clock.now();
    // Where this node or Redis was held up, so were others perhaps.
    if (!isOnTime || endedAt - startedAt > beatMs) this.#calmSince = endedAt;
    else this.#calmSince = Math.min(this.#calmSince, endedAt);
    if (!isKnown) {
      this.isSettled = false;
      this.#options.onLost();
    }
    const settled = [...scores].flatMap(([node, score]) => (score > 0 ? [node] : []));
    this.#options.onRenewed(new Set(settled));
    let nextMs = beatMs;
    for (const [node, score] of scores) {
      this.meet(node);
      if (node === link.node) continue;
      if (Math.abs(score) > now) nextMs = Math.min(nextMs, Math.abs(score) - now + 1);
      else if (this.#isCalm(endedAt)) await this.#evict(node);
    }
    this.#look(scores, endedAt);
    this.#schedule(nextMs);
  }

  async #evict(node: string): Promise<void> {
    while (!this.#isClosed && (await this.#takeOut(node, "evict"))) {
      // Slice by slice, so that Redis does other things in between.
    }
  }

  /** Looks for nodes that are gone without anybody having taken them out: Redis was emptied. */
  #look(scores: ReadonlyMap<string, number>, now: number): void {
    for (const [node, since] of this.#nodes) {
      if (scores.has(node)) this.#nodes.set(node, 0);
      else if (since === 0) this.#nodes.set(node, now);
      else if (now - since >= this.#options.leaseMs && this.#isCalm(now)) {
        this.#nodes.delete(node);
        this.#options.onMissing(node);
      }
    }
  }

  #isCalm(now: number): boolean {
    return now - this.#calmSince >= this.#options.leaseMs;
  }

  async #renew(purpose: "begin" | "end" | "beat" | "leave", leaseMs = this.#options.leaseMs) {
    const { link, nextCall } = this.#options;
    const args = [link.prefix, link.node, `${Math.ceil(leaseMs)}`, `${nextCall()}`, purpose];
    const answer = await link.evaluate(leaseScript, [], args);
    const [known, now, pairs] = answer as [number, number, string[]];
    const scores = new Map<string, number>();
    for (let index = 0; index + 1 < pairs.length; index += 2) {
      scores.set(pairs[index] ?? "", Number(pairs[index + 1]));
    }
    return { isKnown: known === 1, now: Number(now), scores };
  }

  async #takeOut(node: string, purpose: "evict" | "clear"): Promise<boolean> {
    const { link, nextCall } = this.#options;
    const args = [link.prefix, node, `${evictRoomsMax}`, purpose, `${nextCall()}`];
    return (await link.evaluate(evictScript, [], args)) === 1;
  }
}
