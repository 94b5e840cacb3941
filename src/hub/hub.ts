/** The rooms of this node: join, leave, publish, signal, deliver. The only code that changes a room. */

import { PartylineError } from "../protocol/errors.ts";
import type { Sender } from "../protocol/frame.ts";
import type { Since } from "../protocol/position.ts";
import { isSystemRoom } from "../protocol/room-name.ts";
import { Attendance } from "./attendance.ts";
import { catchUp } from "./catch-up.ts";
import { createHubCounts, type HubCounts } from "./counts.ts";
import type { Member } from "./member.ts";
import type { Body, Draft, Message } from "./message.ts";
import { OpenRooms } from "./open-rooms.ts";
import type { Broker, BrokerListener, Clock, Fanout, Peers, Published } from "./ports.ts";
import type { Room } from "./room.ts";
import { encodeSignal } from "./signal.ts";
import { encodeStream, type Subscription } from "./subscription.ts";

export interface HubOptions {
  /** Keeps all rooms but the server's own. */
  readonly broker: Broker;
  /** Keeps the rooms that start with `$`. */
  readonly systemBroker: Broker;
  /** The other nodes that share the rooms; undefined where there are none. */
  readonly peers?: Peers | undefined;
  readonly fanout: Fanout;
  readonly clock: Clock;
  /** Members of one room; 0 or undefined means no such bound. */
  readonly roomMembersMax?: number;
  /** Where it counts; numbers of its own where left out. */
  readonly counts?: HubCounts;
  /** Tells of which rooms only the newest message counts; of none where left out. */
  readonly isLatestOnly?: (room: string) => boolean;
}

type Publish = Fanout["publish"];

export class Hub {
  readonly counts: HubCounts;
  /** Who is in which room. */
  readonly attendance: Attendance;
  readonly #options: HubOptions;
  readonly #rooms: OpenRooms;
  #unflushed: Room[] = [];

  constructor(options: HubOptions) {
    this.#options = options;
    const { clock, fanout, counts = createHubCounts(), isLatestOnly = () => false } = options;
    const { peers = null } = options;
    this.counts = counts;
    const logOf = (room: string) => this.logOf(room);
    const surroundings = { clock, fanout, counts, encodeStream, isLatestOnly };
    this.#rooms = new OpenRooms({ logOf, peers, surroundings });
    this.attendance = new Attendance(this.rooms, peers);
  }

  /** Begins to hear from the brokers and from other nodes. Called once. */
  async start(): Promise<void> {
    const { broker, systemBroker, peers } = this.#options;
    const listener: BrokerListener = {
      announce: (messages) => this.deliver(messages),
      moved: (room, to) => this.rooms.get(room)?.move(to),
      forgotten: (room) => this.rooms.get(room)?.forget(),
    };
    await systemBroker.start(listener);
    await broker.start(listener);
    await peers?.start({
      onCrowd: (room, node, shares) => this.rooms.get(room)?.presence.hearAll(node, shares),
      onShares: (room, ...news) => this.rooms.get(room)?.presence.hear(...news),
      onObservers: (room, ...news) => this.rooms.get(room)?.presence.hearObservers(...news),
      onSignal: (name, from, body) => {
        const room = this.rooms.get(name);
        if (room !== undefined) this.#tell(room, from, body);
      },
    });
  }

  /** Lets go of all rooms. The brokers belong to whoever made them. */
  close(): void {
    this.#rooms.close();
  }

  /** The broker that keeps a room. */
  logOf(room: string): Broker {
    return isSystemRoom(room) ? this.#options.systemBroker : this.#options.broker;
  }

  /** The rooms somebody is in on this node, by name. */
  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms.byName;
  }

  /**
   * Tells whether somebody is in a room, or a message was ever published there.
   * @throws unavailable when the log does not answer
   */
  async knows(room: string): Promise<boolean> {
    return this.rooms.has(room) || (await this.logOf(room).head(room)).last > 0;
  }

  /**
   * Stores a message and delivers it to everybody in its room, on every node.
   * @throws unavailable when the log does not answer; nothing was acknowledged then
   */
  publish(room: string, id: string, from: Sender, body: Body): Promise<Published> {
    const draft: Draft = { room, id, from, at: this.#options.clock.now(), body };
    return this.logOf(room).publish(draft);
  }

  /** Hands messages to the readers of their rooms. The one way in, from this node and any other. */
  deliver(messages: readonly Message[]): void {
    for (const message of messages) {
      const room = this.rooms.get(message.room);
      if (room === undefined) continue;
      const wasUnobserved = room.isUnobserved;
      room.deliver(message);
      if (room.isUnobserved && !wasUnobserved) this.#flushLater(room);
    }
  }

  /**
   * Forgets a room's messages up to now. Whoever is in it stays, and its numbering goes on.
   * @throws unavailable when the log does not answer
   */
  forget(room: string): Promise<void> {
    return this.logOf(room).forget(room);
  }

  /**
   * Tells a room something that is not kept, on every node. `publish`, if it is given, leaves out its
   * own sender, who must be in the room here.
   */
  signal(name: string, from: Sender, body: Body, publish?: Publish, sender?: Member): void {
    if (!isSystemRoom(name)) this.#options.peers?.signal(name, from, body);
    const room = this.rooms.get(name);
    if (room !== undefined) this.#tell(room, from, body, publish, sender);
  }

  /**
   * Opens a room for somebody who is about to join it. It stays open until `leave`, or until
   * nobody uses it. Whoever opens it must `release` it.
   * @throws unavailable when the log does not answer
   */
  open(name: string): Promise<Room> {
    return this.#rooms.open(name);
  }

  /**
   * Makes sure that an open room has a place for a user who joins it at once.
   * @throws too_many when it is full; it is released then
   */
  seat(room: Room, { id }: Sender): void {
    const { roomMembersMax = 0 } = this.#options;
    const { presence } = room;
    if (roomMembersMax === 0 || presence.count < roomMembersMax || presence.has(id)) return;
    room.release();
    const text = `The room has ${roomMembersMax} members, as many as it may.`;
    throw new PartylineError("too_many", text, undefined, "room-members-max");
  }

  /**
   * Makes a connection a member of an open room and brings it up to date from `since`.
   * Resolves when it reads live, or is closed.
   * @throws unavailable when the log does not answer
   */
  join(room: Room, member: Member, since: Since): Promise<void> {
    room.presence.add(member.user);
    room.catchingUp.add(member);
    this.counts.joins.websocket += 1;
    return catchUp(room, this.logOf(room.name), since, member);
  }

  /** Counts a member among the live readers; the topic it subscribed to is its own business. */
  goLive(room: Room, member: Member): void {
    room.catchingUp.delete(member);
    if (member.observes(room)) room.observe(member, "websocket");
    else if (member.isBinary(room)) room.binaryReaders += 1;
    else room.readers += 1;
  }

  /** Counts a member out of the live readers; it has had all that was delivered before. */
  pause(room: Room, member: Member): void {
    room.flush();
    if (member.observes(room)) room.unobserve(member, "websocket");
    else if (member.isBinary(room)) room.binaryReaders -= 1;
    else room.readers -= 1;
  }

  /**
   * Takes a member out of a room. `wasLive` tells whether `goLive` was called, `graceMs` for how long
   * its user, who was cut off, still counts as present.
   */
  leave(room: Room, member: Member, wasLive: boolean, graceMs: number): void {
    room.catchingUp.delete(member);
    this.counts.leaves.websocket += 1;
    if (wasLive) this.pause(room, member);
    room.presence.remove(member.user.id, graceMs);
    room.release();
  }

  /** Brings an SSE stream up to date in one room. Resolves when it reads live, or is closed. */
  async observe(name: string, subscription: Subscription, since: Since): Promise<void> {
    const room = await this.open(name);
    if (!subscription.isClosed) subscription.enter(room);
    room.release(); // the subscription holds the room itself now
    await catchUp(room, this.logOf(name), since, subscription);
  }

  #tell(room: Room, from: Sender, body: Body, ...besides: [Publish?, Member?]): void {
    this.counts.signals += 1;
    room.tell(encodeSignal(room.name, from, body), ...besides);
  }

  #flushLater(room: Room): void {
    if (this.#unflushed.length === 0) {
      setImmediate(() => {
        const rooms = this.#unflushed;
        this.#unflushed = [];
        for (const each of rooms) each.flush();
      });
    }
    this.#unflushed.push(room);
  }
}
