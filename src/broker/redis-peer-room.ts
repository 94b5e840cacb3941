/** One room between nodes: what this node has to tell of it, and what it has heard. */

import type { PeersListener, Share } from "../hub/ports.ts";
import { type NodeCrowd, type PresenceNews, toField, toValue } from "./redis-peer-news.ts";

interface OwnShare {
  share: Share;
  /** True once others may have heard of the user. */
  isTold: boolean;
}

/** What is told in one piece. */
export interface Telling {
  readonly shares: readonly Share[];
  readonly gone: readonly string[];
  readonly observers: number;
  /** True when nobody is left. */
  readonly absent: boolean;
}

export class PeerRoom {
  readonly name: string;
  /** True from `listen` to `unlisten`. */
  isListened = false;
  /** True while its channel is heard. */
  isSubscribed = false;
  /** Called once it is known who is there, or that it cannot be known now. */
  onMet: (() => void)[] = [];
  /** How often whoever waits was not told, since nodes were telling everything anew. */
  inVain = 0;
  readonly #own = new Map<string, OwnShare>();
  /** Users of whom something is to be told. */
  readonly #fresh = new Set<string>();
  /** Users who are gone and whom others may know. */
  readonly #gone = new Set<string>();
  /** Those of whom it is not told yet. */
  readonly #held = new Set<string>();
  #observers = 0;
  /** What others were told last; null where that is not known. */
  #observersTold: number | null = 0;
  /** The newest version heard of each node that is there. */
  readonly #heard = new Map<string, number>();
  /** News that came while it was asked who is there; null at other times. */
  #waiting: PresenceNews[] | null = null;

  constructor(name: string) {
    this.name = name;
  }

  /** True when nothing is to be told, now or later, and nobody listens. */
  get isIdle(): boolean {
    return !this.isListened && !this.#isKept && !this.#isRecounted;
  }

  /** Calls whoever waits until it is known who is there. */
  tellMet(): void {
    const { onMet } = this;
    this.onMet = [];
    this.inVain = 0;
    for (const act of onMet) act();
  }

  share(share: Share): void {
    this.#gone.delete(share.id);
    this.#held.delete(share.id);
    this.#fresh.add(share.id);
    const own = this.#own.get(share.id);
    if (own === undefined) this.#own.set(share.id, { share, isTold: false });
    else own.share = share;
  }

  unshare(user: string): void {
    const own = this.#own.get(user);
    if (own === undefined) return;
    this.#own.delete(user);
    this.#fresh.delete(user);
    if (own.isTold) this.#gone.add(user);
  }

  observe(count: number): void {
    this.#observers = count;
  }

  /** Takes everybody out for whom `isLeaving` holds. */
  clear(isLeaving: (user: string) => boolean = () => true): void {
    for (const user of [...this.#own.keys()]) if (isLeaving(user)) this.unshare(user);
    this.#observers = 0;
  }

  /** Keeps to itself who is gone by now: they may be elsewhere, where that is not told yet. */
  holdGone(): void {
    for (const user of this.#gone) this.#held.add(user);
    this.#gone.clear();
  }

  /** Ends that. Returns true when somebody was held. */
  releaseGone(): boolean {
    const isAny = this.#held.size > 0;
    for (const user of this.#held) this.#gone.add(user);
    this.#held.clear();
    return isAny;
  }

  /** Has everything told anew: others may know nothing of it. */
  renew(): void {
    for (const user of this.#own.keys()) this.#fresh.add(user);
    this.#observersTold = null;
  }

  /** Takes what is to be told, with at most so many users; null when there is nothing. */
  take(usersMax: number): Telling | null {
    const gone: string[] = [];
    for (const user of this.#gone) {
      if (gone.length === usersMax) break;
      gone.push(user);
    }
    for (const user of gone) this.#gone.delete(user);
    const shares: Share[] = [];
    for (const user of this.#fresh) {
      if (gone.length + shares.length === usersMax) break;
      this.#fresh.delete(user);
      const own = this.#own.get(user);
      if (own === undefined) continue;
      own.isTold = true;
      shares.push(own.share);
    }
    if (gone.length + shares.length === 0 && !this.#isRecounted) return null;
    const observers = this.#observers;
    this.#observersTold = observers;
    const absent = !this.#isKept && observers === 0;
    return { shares, gone, observers, absent };
  }

  /** Takes back what could not be told. */
  putBack({ shares, gone }: Telling): void {
    for (const { id } of shares) if (this.#own.has(id)) this.#fresh.add(id);
    for (const user of gone) if (!this.#own.has(user)) this.#gone.add(user);
    this.#observersTold = null;
  }

  /** Keeps news for after the answer to the question who is there. */
  ask(): void {
    this.#waiting ??= [];
  }

  /** Forgets that it was asked. What came meanwhile is dropped: it will be asked again. */
  giveUp(): void {
    this.#waiting = null;
  }

  /** Hears news. */
  hear(news: PresenceNews, listener: PeersListener): void {
    const { node, version, shares, gone, observers, absent } = news;
    if (this.#waiting !== null) {
      this.#waiting.push(news);
      return;
    }
    if (version <= (this.#heard.get(node) ?? -1)) return;
    if (absent) return this.forget(node, listener);
    this.#heard.set(node, version);
    listener.onShares(this.name, node, shares, gone);
    if (observers !== null) listener.onObservers(this.name, node, observers);
  }

  /**
   * Hears who is there on all other nodes. Nobody is taken for gone on the word of a node that is not
   * among `settled`, those that have told everything. Returns the others: once they have, it is asked again.
   */
  meet(
    crowds: ReadonlyMap<string, NodeCrowd>,
    settled: ReadonlySet<string>,
    listener: PeersListener,
  ): string[] {
    const doubted: string[] = [];
    for (const [node, { version, shares, observers }] of crowds) {
      this.#heard.set(node, version);
      if (settled.has(node)) listener.onCrowd(this.name, node, shares);
      else listener.onShares(this.name, node, shares, []);
      listener.onObservers(this.name, node, observers);
      if (!settled.has(node)) doubted.push(node);
    }
    for (const node of [...this.#heard.keys()]) {
      if (crowds.has(node)) continue;
      if (settled.has(node)) this.forget(node, listener);
      else doubted.push(node);
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const news of waiting) this.hear(news, listener);
    return doubted;
  }

  /** Takes a node for gone. */
  forget(node: string, listener: PeersListener): void {
    if (!this.#heard.delete(node)) return;
    listener.onCrowd(this.name, node, []);
    listener.onObservers(this.name, node, 0);
  }

  /** Forgets what it has heard. */
  close(): void {
    this.#heard.clear();
    this.#waiting = null;
  }

  /** True while others are to know, or to forget, some user. */
  get #isKept(): boolean {
    return this.#own.size + this.#gone.size + this.#held.size > 0;
  }

  get #isRecounted(): boolean {
    return this.#observers !== this.#observersTold;
  }
}

/** The arguments that write a telling down: see `lua/presence-tell.lua`. */
export function toArguments(room: string, version: number, text: string, telling: Telling) {
  const { shares, gone, observers } = telling;
  const counts = [`${observers}`, text, `${gone.length}`, `${shares.length}`];
  const fields = shares.flatMap((share) => [toField(share.id), toValue(share)]);
  return [room, `${version}`, ...counts, ...gone.map(toField), ...fields];
}
