/** One connection's right to be here, and to send frames. */

import { limits } from "../protocol/limits.ts";
import { type Bucket, type Rate, takeToken } from "./token-bucket.ts";

/** What is counted of one address or one user. A user's connections share its bucket. */
export interface Tally extends Bucket {
  readonly key: string;
  connections: number;
}

/** Whoever gives passes and takes them back. */
export interface PassIssuer {
  /** How often one user may send frames. */
  readonly frameRate: Rate;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  identify(pass: Pass, user: string): void;
  release(pass: Pass): void;
}

/** `ConnectionLimiter.admit` gives it; whoever got it releases it. */
export class Pass implements Bucket {
  readonly address: Tally;
  /** Null for somebody anonymous, whose bucket is this pass. */
  user: Tally | null;
  isReleased = false;
  paidUntil = 0;
  #refusals = 0;
  readonly #issuer: PassIssuer;

  constructor(issuer: PassIssuer, address: Tally, user: Tally | null) {
    this.#issuer = issuer;
    this.address = address;
    this.user = user;
  }

  /** Counts one frame. Returns 0, or the milliseconds after which it could have passed. */
  spend(): number {
    const { frameRate } = this.#issuer;
    const bucket: Bucket = this.user ?? this;
    const now = this.#issuer.now();
    if (bucket.paidUntil <= now) this.#refusals = 0; // it kept quiet until its bucket was full
    const waitMs = takeToken(bucket, frameRate, now);
    if (waitMs > 0) this.#refusals += 1;
    return waitMs;
  }

  /** True once so many frames were refused, its bucket never full in between, that it must go. */
  get isHopeless(): boolean {
    return this.#refusals >= limits.refusedFramesMax;
  }

  /** Counts it as a user's from now on. @throws too_many when that user has too many connections */
  identify(user: string): void {
    this.#issuer.identify(this, user);
  }

  /** Gives it back. May be called twice. */
  release(): void {
    this.#issuer.release(this);
  }
}
