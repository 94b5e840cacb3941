/** What everything that shares a Redis uses: one node's link to it. */

import type { Clock } from "../hub/ports.ts";
import type { RedisAddress } from "./redis-address.ts";
import type { RedisScript } from "./redis-script.ts";

export type { RedisScript } from "./redis-script.ts";

/** What a Redis was found to hold when it was taken into use. */
export interface Adopted {
  readonly epoch: string;
  /** How many messages it has stored in its life. */
  readonly seq: number;
}

/**
 * The link of one node. While it is down everything rejects at once, and it comes back by itself: to
 * the first of its addresses that answers as a master, for ever.
 */
export interface RedisLink {
  /** This node's name: eight of `[0-9a-z]`, new with each start. */
  readonly node: string;
  /** What every key and channel begins with. */
  readonly prefix: string;
  /** What scripts that write compare with the field ` run` of the heads; "" while the link is down. */
  readonly run: string;
  /** Why nothing can be stored now, in a sentence for operators; null while it can. */
  health(): string | null;
  /** Sends a command. @throws PartylineError unavailable */
  send(command: string, args: string[]): Promise<unknown>;
  /** Runs a script. Calls of one link are run in the order they were made. @throws unavailable */
  evaluate(script: RedisScript, keys: string[], args: string[]): Promise<unknown>;
  /**
   * Hears a channel until `unsubscribe`, across reconnects, in which messages may be missed. A
   * listener may not throw. @throws unavailable; then it does not hear it, unless it did before
   */
  subscribe(channel: string, listener: (text: string) => void): Promise<void>;
  /** Ends that for all listeners of a channel. */
  unsubscribe(channel: string): void;
  /**
   * Acts after every connect, the first too, in the order of registration: everything is subscribed
   * again, `send` and `evaluate` work, and {@link health} is null once all have resolved. One that
   * rejects breaks the link again. Where the link is up already, it acts at once.
   */
  onConnect(act: (link: RedisLink, adopted: Adopted) => Promise<void>): void;
  /** Acts whenever the link breaks, before what was under way is rejected. */
  onDown(act: () => void): void;
  /** Notes a message that is known to be stored: should Redis lose it, the epoch changes. */
  noteSeq(epoch: string, seq: number): void;
  /** Connects for the first time. @throws StoreError in one sentence when no Redis can be used */
  start(): Promise<void>;
  /** Lets go. What is under way is rejected. May be called twice. */
  close(): Promise<void>;
}

/** What a link works with. */
export interface RedisLinkOptions {
  /** Tried in this order. At least one. */
  readonly addresses: readonly RedisAddress[];
  readonly prefix: string;
  readonly clock: Clock;
  /** Hears once why the link broke. */
  readonly onBreak?: (reason: string) => void;
  /** Hears once that it is up again, at which host and port, and after how many milliseconds. */
  readonly onHeal?: (outageMs: number, place: string) => void;
  /** Hears, whenever it begins, why Redis takes no writes although the link is up. */
  readonly onRefusal?: (sentence: string) => void;
  /** Hears that it takes them again, unless the link broke meanwhile. */
  readonly onAcceptance?: () => void;
  /** Hears what an operator should know of a Redis, each sentence once. */
  readonly onWarning?: (sentence: string) => void;
  /** Hears of defects: what a listener or an act threw. */
  readonly onFailure?: (thrown: unknown) => void;
  /** Between two looks whether Redis answers, and how long it may not. 500 and 3,000 if left out. */
  readonly checkMs?: number;
  readonly silenceMsMax?: number;
}
