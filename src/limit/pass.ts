/** One connection's right to be here, and to send frames. */

import { limits } from "../protocol/limits.ts";
import { type Bucket, type Rate, shareRate, takeToken } from "./token-bucket.ts";

/** What is counted of one address or one user. A user's connections share its bucket. */
export interface Tally extends Bucket {
  readonly key: string;
  connections: number;
  /** Nodes to which a user is connected, this one included: each lets it have its part of the pace. */
  nodes: number;
}

/** Whoever gives passes and takes them back. */
export interface PassIssuer {
  /** How often one user may send frames. */
  readonly frameRate: Rate;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  identify(pass: Pass, user: string): Promise<void> | undefined;
  release(pass: Pass): void;
}

/** `ConnectionLimiter.admit` gives it; whoever got it releases it. */
export class Pass implements Bucket {
  readonly address: Tally;
  /** Null for somebody anonymous, whose bucket is this pass. */
  user: Tally | null = null;
  isReleased = false;
  paidUntil = 0;
  #refusals = 0;
  readonly #issuer: PassIssuer;

  constructor(issuer: PassIssuer, address: Tally) {
    this.#issuer = issuer;
    this.address = address;
  }

  /** Counts one frame. Returns 0, or the milliseconds after which it could have passed. */
  spend(): number {
    const { frameRate } = this.#issuer;
    const { user } = this;
    const bucket: Bucket = user ?? this;
    const isShared = user !== null && user.nodes > 1;
    const now = this.#issuer.now();
    if (bucket.paidUntil <= now) this.#refusals = 0; // it kept quiet until its bucket was full
    const waitMs = takeToken(bucket, isShared ? shareRate(frameRate, user.nodes) : frameRate, now);
    if (waitMs > 0) this.#refusals += 1;
    return waitMs;
  }

  /** True once so many frames were refused, its bucket never full in between, that it must go. */
  get isHopeless(): boolean {
    return this.#refusals >= limits.refusedFramesMax;
  }

  /**
   * Counts it as a user's from now on. Undefined when that is done, else a promise: other nodes are
   * asked. @throws too_many when that user has too many connections; the promise may reject with it
   */
  identify(user: string): Promise<void> | undefined {
    return this.#issuer.identify(this, user);
  }

  /** Gives it back. May be called twice. */
  release(): void {
    this.#issuer.release(this);
  }
}
