/** The other nodes that share a Redis: who is where, and signals. */

import type { Body } from "../hub/message.ts";
import type { Clock, Crowd, Headcount, Peers, PeersListener, Share } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { Sender } from "../protocol/frame.ts";
import { askCrowd, askHeadcounts, listPeopled } from "./redis-crowds.ts";
import type { RedisLink } from "./redis-link.ts";
import { PeerAsker } from "./redis-peer-asker.ts";
import { PeerLease } from "./redis-peer-lease.ts";
import { PeerOutage } from "./redis-peer-outage.ts";
import { PeerRoom } from "./redis-peer-room.ts";
import { PeerSignals } from "./redis-peer-signals.ts";
import { PeerTeller } from "./redis-peer-teller.ts";

export interface RedisPeersOptions {
  readonly link: RedisLink;
  readonly clock: Clock;
  /** How long this node counts as alive after it was last heard of. */
  readonly leaseMs: number;
  /** How long its members stay after a good-bye unless they come back before: they were told when. */
  readonly goodbyeMs: number;
  /** How long after an outage nobody is told to be gone: they may have come to another node in it. */
  readonly graceMs: number;
  /** How long what is to be told is gathered. 20 if left out. */
  readonly gatherMs?: number;
  /** Hears of defects. */
  readonly onFailure?: (thrown: unknown) => void;
}

/** For how many leases of an outage nobody leaves who may have come elsewhere. */
const leasesMax = 2;
/** When what failed is tried again, where the link did not break. */
const retryMs = 1_000;

/** Works off what is to be asked and told one piece after the other, so that all comes in order. */
export class RedisPeers implements Peers {
  readonly #options: RedisPeersOptions;
  readonly #link: RedisLink;
  readonly #lease: PeerLease;
  readonly #teller: PeerTeller;
  readonly #asker: PeerAsker;
  readonly #outage: PeerOutage;
  readonly #signals: PeerSignals;
  readonly #rooms = new Map<string, PeerRoom>();
  #run = "";
  #isUp = false;
  /** True while everything is told anew. */
  #isRegistering = false;
  #work: Promise<void> | null = null;
  #closed: Promise<void> | undefined;

  constructor(options: RedisPeersOptions) {
    const { link, clock, leaseMs, graceMs, gatherMs = 20 } = options;
    this.#options = options;
    this.#link = link;
    const onFailure = (thrown: unknown) => this.#fail(thrown);
    const onDue = () => this.#workOff();
    let calls = 0;
    const nextCall = () => ++calls;
    this.#lease = new PeerLease({
      ...{ link, clock, leaseMs, nextCall, onFailure },
      onLost: onDue,
      onRenewed: (settled) => this.#asker.addDoubtful(settled),
      onMissing: (node) => this.#forget(node),
    });
    this.#teller = new PeerTeller({
      ...{ link, clock, gatherMs, nextCall, onDue },
      onTold: (room) => room.isIdle && this.#rooms.delete(room.name),
    });
    this.#asker = new PeerAsker({ link, clock, lease: this.#lease, onDue, onFailure });
    this.#signals = new PeerSignals(link, onFailure);
    const outageMsMax = leasesMax * leaseMs;
    this.#outage = new PeerOutage({ clock, outageMsMax, graceMs }, () => {
      for (const room of this.#rooms.values()) if (room.releaseGone()) this.#teller.add(room);
    });
  }

  get isBlind(): boolean {
    return this.#outage.isOn;
  }

  async start(listener: PeersListener): Promise<void> {
    this.#asker.listener = listener;
    this.#link.onDown(() => {
      if (this.#isUp) this.#outage.begin();
      this.#isUp = false;
      this.#isRegistering = false;
    });
    // It is not waited for: messages need not wait until all nodes know of all members.
    this.#link.onConnect(async () => this.#connect());
  }

  listen(name: string): Promise<void> {
    const room = this.#room(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    room.isListened = true;
    room.onMet.push(resolve);
    this.#asker.add(room);
    if (this.#closed !== undefined) room.tellMet();
    else if (this.#isUp) this.#workOff();
    else this.#asker.askLater(room);
    return promise;
  }

  unlisten(name: string): void {
    const room = this.#rooms.get(name);
    if (room === undefined) return;
    room.isListened = false;
    room.clear();
    this.#asker.remove(room);
    this.#teller.add(room);
  }

  share(name: string, share: Share): void {
    const room = this.#room(name);
    room.share(share);
    this.#teller.add(room);
  }

  unshare(name: string, user: string): void {
    const room = this.#room(name);
    room.unshare(user);
    this.#teller.add(room);
  }

  observers(name: string, count: number): void {
    const room = this.#room(name);
    room.observe(count);
    this.#teller.add(room);
  }

  signal(name: string, from: Sender, body: Body): void {
    if (this.#isUp) this.#signals.send(this.#asker.channelOf(name), from, body);
  }

  crowd(name: string): Promise<Crowd> {
    return askCrowd(this.#link, name);
  }

  headcounts(names: readonly string[]): Promise<Headcount[]> {
    return askHeadcounts(this.#link, names);
  }

  rooms(after: string, max: number): Promise<string[]> {
    return listPeopled(this.#link, after, max);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#lease.close();
    for (const room of this.#rooms.values()) {
      room.clear((user) => user.startsWith("~")); // nobody comes back under such a name
      room.releaseGone();
      this.#teller.add(room);
    }
    this.#teller.close();
    this.#outage.close();
    try {
      await this.#work;
      while (this.#isUp && !this.#teller.isEmpty && (await this.#teller.tell())) {
        // Until all is told.
      }
      if (this.#isUp) await this.#lease.leave(this.#options.goodbyeMs);
    } catch (thrown) {
      this.#fail(thrown); // then the lease runs out
    }
    for (const room of this.#rooms.values()) room.tellMet();
  }

  #connect(): void {
    this.#isUp = true;
    if (this.#run !== "") this.#outage.end(); // nobody can have left before the first time
    if (this.#run !== this.#link.run) this.#lease.isSettled = false; // it may have lost something
    this.#run = this.#link.run;
    for (const room of this.#rooms.values()) {
      if (room.isListened) this.#asker.add(room);
      room.holdGone();
    }
    this.#lease.connect();
    this.#workOff();
  }

  #room(name: string): PeerRoom {
    let room = this.#rooms.get(name);
    if (room === undefined) {
      room = new PeerRoom(name);
      this.#rooms.set(name, room);
    }
    return room;
  }

  /** Begins to do what there is to do, unless that is under way. */
  #workOff(): void {
    if (this.#work !== null || this.#closed !== undefined) return;
    const work = async () => {
      try {
        while (this.#isUp && (await this.#doNext())) {
          // One piece after the other.
        }
      } catch (thrown) {
        this.#isRegistering = false;
        this.#fail(thrown);
        if (this.#isUp) this.#options.clock.after(retryMs, () => this.#workOff());
      }
    };
    this.#work = work().finally(() => {
      this.#work = null;
    });
  }

  /** Does what is most urgent. Resolves to false when there is nothing. */
  async #doNext(): Promise<boolean> {
    if (!this.#lease.isSettled && !this.#isRegistering) await this.#register();
    else if (!this.#asker.isEmpty) await this.#asker.ask();
    else if (!this.#teller.isEmpty && (this.#teller.isDue || this.#isRegistering)) {
      if (await this.#teller.tell()) return true;
      this.#lease.isSettled = false;
      this.#isRegistering = false;
    } else if (this.#isRegistering) {
      this.#isRegistering = false;
      await this.#lease.end();
    } else return false;
    return true;
  }

  /** Begins to tell everything anew, under a new lease. */
  async #register(): Promise<void> {
    await this.#lease.begin();
    this.#isRegistering = true;
    for (const room of this.#rooms.values()) {
      room.renew();
      this.#teller.add(room);
    }
  }

  #forget(node: string): void {
    const { listener } = this.#asker;
    for (const room of this.#rooms.values()) if (listener !== null) room.forget(node, listener);
  }

  #fail(thrown: unknown): void {
    const isKnown = thrown instanceof PartylineError && thrown.code === "unavailable";
    if (!isKnown) this.#options.onFailure?.(thrown);
  }
}
