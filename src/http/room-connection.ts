/** One WebSocket connection as far as it is in rooms. */

import type { Hub } from "../hub/hub.ts";
import type { Room } from "../hub/room.ts";
import type { Pass } from "../limit/pass.ts";
import { PartylineError } from "../protocol/errors.ts";
import { type ClientFrame, encodeFrame, type Ref, type Sender } from "../protocol/frame.ts";
import type { Log } from "../telemetry/log.ts";
import type { Measures } from "../telemetry/measures.ts";
import type { Trace } from "../telemetry/trace.ts";
import type { Traffic } from "../telemetry/traffic.ts";
import type { Admission } from "./admission.ts";
import { assertMay, type Guard, type Identity } from "./guard.ts";
import { type Home, Membership } from "./membership.ts";
import { Outlet } from "./outlet.ts";
import type { Overflow } from "./overflow.ts";
import type { Arrival, Roll, SocketAttendee } from "./roll.ts";
import type { Session, Sessions } from "./sessions.ts";

/** What all connections of a server share. */
export interface ConnectionHouse {
  readonly hub: Hub;
  readonly log: Log;
  readonly guard: Guard;
  readonly sessions: Sessions;
  readonly admission: Admission;
  readonly measures: Measures;
  readonly roll: Roll;
  readonly overflow: Overflow;
  /** What `welcome` says besides the user. */
  readonly greeting: { readonly limits: object; readonly server: object };
  /** Rooms that one connection may be in. */
  readonly connectionRoomsMax: number;
}

const noMemberships: readonly Membership[] = [];

/** It gives its pass back when it leaves all rooms for good. */
export abstract class RoomConnection extends Outlet implements Home, Session, SocketAttendee {
  readonly id: string;
  number = 0;
  user: Sender;
  /** Milliseconds since 1970; null where people without a token may do something, too. */
  tokenDueAt: number | null = null;
  /** What it may do; `user` is who it is. */
  identity: Identity;
  protected readonly house: ConnectionHouse;
  protected readonly pass: Pass;
  #memberships: readonly Membership[] = noMemberships;
  readonly #since: number;
  readonly #startedAt: number;
  readonly #trace: Trace | undefined;

  constructor(
    id: string,
    identity: Identity,
    house: ConnectionHouse,
    pass: Pass,
    arrival: Arrival,
  ) {
    super(house.measures.sentBytes);
    this.id = id;
    this.user = identity.user;
    // Most connections are anonymous, and differ in nothing but their user.
    this.identity = identity.token === null ? house.guard.anonymous : identity;
    this.house = house;
    this.pass = pass;
    // One by one: an object more for each of ten thousand connections is a part of what they weigh.
    this.#since = arrival.since;
    this.#startedAt = arrival.startedAt;
    this.#trace = arrival.trace;
  }

  get transport(): "websocket" {
    return "websocket";
  }

  get arrival(): Arrival {
    const { key: address } = this.pass.address;
    return { address, trace: this.#trace, since: this.#since, startedAt: this.#startedAt };
  }

  get roomNames(): readonly string[] {
    return this.#memberships.map(({ name }) => name);
  }

  measureTraffic(): Traffic {
    const { rooms, messagesIn, messagesOut, bytesIn, bytesOut } = this;
    const traffic = { rooms, messagesIn, messagesOut, bytesIn, bytesOut };
    for (const membership of this.#memberships) membership.addHeard(traffic);
    return traffic;
  }

  override drain(): void {
    super.drain();
    for (const membership of this.#memberships) membership.settle();
  }

  goLive(membership: Membership, room: Room): void {
    if (!membership.observes(room)) {
      this.socket?.subscribe(membership.topicOf(room));
      membership.listen(room);
    }
    membership.isLive = true;
    this.house.hub.goLive(room, membership);
  }

  /** Tells the client that its token runs out. */
  abstract warn(secondsLeft: number): void;

  /** Closes, and says why. */
  abstract expire(error: PartylineError): void;

  /** Tells the client why a request failed. */
  protected abstract fail(thrown: unknown, ref: Ref): void;

  /** @throws not_joined when it is not in that room */
  protected joined(name: string): Membership {
    for (const membership of this.#memberships) if (membership.name === name) return membership;
    throw new PartylineError("not_joined", `Join the room "${name}" first.`);
  }

  protected join(frame: ClientFrame & { type: "join" }): void {
    const { room: name, ref, username } = frame;
    assertMay(this.identity, "read", name);
    if (username !== undefined && this.identity.token === null) this.#rename(username);
    const present = this.#memberships.find((each) => each.name === name);
    if (present !== undefined) return present.joinAgain(ref);
    const { connectionRoomsMax, admission, hub } = this.house;
    if (this.#memberships.length >= connectionRoomsMax) {
      const text = `One connection may be in ${connectionRoomsMax} rooms.`;
      throw new PartylineError("too_many", text, undefined, "connection-rooms-max");
    }
    const membership = new Membership(this, frame);
    this.#memberships = [...this.#memberships, membership];
    membership.opening = admission.openRoom(hub, name, this.pass.address.key);
    this.#enter(membership, frame).catch((thrown) => {
      this.#memberships = this.#memberships.filter((each) => each !== membership);
      if (!membership.isClosed) this.#leave(membership);
      this.fail(thrown, ref);
    });
  }

  async #enter(membership: Membership, { since }: ClientFrame & { type: "join" }): Promise<void> {
    const { hub } = this.house;
    const room = await membership.opening;
    if (room === null) return;
    membership.opening = null;
    if (membership.isClosed) return room.release(); // it left, or was cut, meanwhile
    hub.seat(room, this.user);
    membership.room = room;
    this.rooms += 1;
    this.#log(room.name, "room joined");
    await hub.join(room, membership, since);
  }

  /** Leaves a room; nothing happens when it is not in it. */
  protected leaveRoom(room: string): void {
    const membership = this.#memberships.find(({ name }) => name === room);
    if (membership === undefined) return;
    this.#memberships = this.#memberships.filter((each) => each !== membership);
    this.#leave(membership);
  }

  /** Leaves everything. For `graceMs` its user may come back and was never away. */
  protected leaveAll(graceMs: number): void {
    this.pass.release();
    for (const membership of this.#memberships) this.#leave(membership, graceMs);
    this.#memberships = noMemberships;
  }

  /**
   * Acts for another identity from now on: the same user with a newer token, or somebody anonymous who
   * has shown one. Rooms that this one may not read are left at once, with a frame that says so.
   * A promise only where other nodes must be asked first; it rejects with the same errors.
   * @throws forbidden when it is another user's
   * @throws too_many when its user has as many connections as one may
   */
  renew(identity: Identity): Promise<void> | undefined {
    const isAnonymous = this.identity.token === null;
    const claim = isAnonymous ? this.pass.identify(identity.user.id) : undefined;
    if (claim !== undefined) {
      return claim.then(() => (this.socket === null ? undefined : this.renew(identity)));
    }
    this.#become(identity, isAnonymous);
    this.tokenDueAt = null;
    this.house.sessions.watch(this);
    return undefined;
  }

  #become(identity: Identity, isAnonymous: boolean): void {
    const before = this.user;
    if (!isAnonymous && before.id !== identity.user.id) {
      throw new PartylineError("forbidden", "The token is of another user; connect anew with it.");
    }
    this.identity = identity;
    this.user = identity.user;
    for (const membership of this.#memberships) {
      const { name, room } = membership;
      if (room !== null) room.presence.replace(before.id, this.user);
      if (identity.grant.may("read", name)) {
        this.#look(membership);
        continue;
      }
      this.leaveRoom(name);
      this.send(encodeFrame({ type: "left", room: name }));
    }
  }

  /** Begins or ceases to hear who comes and goes, when the identity changed in that. */
  #look(membership: Membership): void {
    const { room, isLive, isBlind, maySeeMembers } = membership;
    if (isBlind !== maySeeMembers) return;
    // In one synchronous stretch, so that no message is missed or comes twice.
    if (room !== null && isLive) {
      this.house.hub.pause(room, membership);
      if (!membership.observes(room)) this.#unsubscribe(membership, room);
    }
    membership.isBlind = !maySeeMembers;
    if (room !== null && isLive) this.goLive(membership, room);
    if (room !== null) membership.tellMembers(room);
  }

  #leave(membership: Membership, graceMs = 0): void {
    const { room, isLive } = membership;
    membership.isClosed = true;
    if (room === null) return;
    this.#log(room.name, "room left");
    if (isLive && !membership.observes(room)) this.#unsubscribe(membership, room);
    this.house.hub.leave(room, membership, isLive, graceMs);
  }

  #unsubscribe(membership: Membership, room: Room): void {
    this.socket?.unsubscribe(membership.topicOf(room));
    membership.unlisten(room);
  }

  #log(room: string, text: string): void {
    const { id: connection, user, house } = this;
    if (house.log.isDebug) {
      house.log.debug({ connection, user: user.id, room, ...this.#trace }, text);
    }
  }

  #rename(name: string): void {
    if (name === this.user.name) return;
    this.user = { id: this.user.id, name };
    for (const { room } of this.#memberships) room?.presence.rename(this.user);
  }
}
