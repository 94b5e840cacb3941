/** One connection in one room: what the hub sees of it. */

import { Arrears } from "../hub/arrears.ts";
import type { Entry } from "../hub/entry.ts";
import type { Member } from "../hub/member.ts";
import type { Room, RoomEvent } from "../hub/room.ts";
import { encodeFrame, type GapFrame, type Ref, type Sender } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import { formatPosition } from "../protocol/position.ts";
import type { Traffic } from "../telemetry/traffic.ts";
import type { Identity } from "./guard.ts";
import type { Outlet } from "./outlet.ts";

const waitBytesMax = limits.latestWaitBytesMax;

/** The connection behind a membership. */
export interface Home extends Pick<Outlet, "send" | "cork" | "turn" | "queueBytes">, Traffic {
  readonly user: Sender;
  readonly identity: Identity;
  /** Subscribes the membership to its room's topic. */
  goLive(membership: Membership, room: Room): void;
}

export class Membership implements Member {
  readonly name: string;
  readonly #home: Home;
  readonly #binary: boolean;
  readonly #resumes: boolean;
  /** The joins that wait for their answer; null once it stands. */
  #refs: Ref[] | null;
  /** The newest offset handed on before it read live. */
  #offset = 0;
  /** Made when first needed: in most rooms whoever is behind is cut. */
  #arrears: Arrears | null = null;
  /** Rejects when the room may not be entered; null once it is open. */
  opening: Promise<Room> | null = null;
  /** The room once it is open. */
  room: Room | null = null;
  /** True once it reads live. */
  isLive = false;
  /** True when its user may not know who else is there. */
  isBlind = false;
  /** True once it left, or its connection was closed. */
  isClosed = false;

  constructor(home: Home, join: { room: string; ref: Ref; binary: boolean; resumes: boolean }) {
    this.#home = home;
    this.name = join.room;
    this.#refs = [join.ref];
    this.#binary = join.binary;
    this.#resumes = join.resumes;
    this.isBlind = !this.maySeeMembers;
  }

  /** Whether its user may know who else is there; that can change with a token. */
  get maySeeMembers(): boolean {
    return this.#home.identity.grant.may("presence", this.name);
  }

  get user(): Sender {
    return this.#home.user;
  }

  isBinary(): boolean {
    return this.#binary;
  }

  /**
   * Begins to count what the room's topic brings, which passes by everything else here. What it has
   * brought to others is taken off in advance, so that nothing is kept for each of many members.
   */
  listen(room: Room): void {
    this.#countTopic(this.#home, room, -1);
  }

  /** Ends that, and keeps what was counted with the connection's. */
  unlisten(room: Room): void {
    this.#countTopic(this.#home, room, 1);
  }

  /** Adds what the room's topic has brought, which is counted right only with what `listen` took. */
  addHeard(traffic: Traffic): void {
    const { room, isLive } = this;
    if (room !== null && isLive && !this.observes(room)) this.#countTopic(traffic, room, 1);
  }

  #countTopic(traffic: Traffic, { sent }: Room, sign: 1 | -1): void {
    traffic.messagesOut += sign * sent.messages;
    traffic.bytesOut += sign * (this.#binary ? sent.binaryBytes : sent.textBytes);
  }

  /** The topic it subscribes to. */
  topicOf(room: Room): string {
    return this.#binary ? room.binaryTopic : room.topic;
  }

  stand(room: Room, offset: number, gap: GapFrame | undefined): void {
    const refs = this.#refs ?? [];
    this.#refs = null;
    this.#offset = offset;
    for (const ref of refs) this.#tellJoined(room, ref, this.#resumes && gap === undefined);
    if (gap !== undefined) this.tellGap(room, offset, gap);
  }

  /** Answers a second join, which changes nothing else. */
  joinAgain(ref: Ref): void {
    this.room?.flush(); // so that it has had all up to the position told
    if (this.room === null || this.#refs !== null) this.#refs?.push(ref);
    else this.#tellJoined(this.room, ref, false); // its `since` is not gone back to
  }

  /** The position told is where the reader stands: all that comes after it is sent to it. */
  #tellJoined(room: Room, ref: Ref, recovered: boolean): void {
    const { epoch, name, last } = room;
    const isUpToDate = this.isLive && this.#arrears?.has(room) !== true;
    const position = formatPosition(epoch, isUpToDate ? last : this.#offset);
    const told = { room: name, position, ...this.#membersOf(room), recovered };
    this.#home.send(encodeFrame({ type: "joined", ref, ...told }));
  }

  /** Tells who is there, as far as its user may know, when that has just changed. */
  tellMembers(room: Room): void {
    if (this.#refs !== null) return; // `joined` comes, and tells it
    this.#home.send(encodeFrame({ type: "members", room: room.name, ...this.#membersOf(room) }));
  }

  #membersOf({ presence, observerCount: observers }: Room) {
    const members = this.isBlind ? [] : presence.list();
    return { members, memberCount: presence.count, observers };
  }

  tellGap({ counts }: Room, offset: number, gap: GapFrame): void {
    this.#offset = offset;
    counts.gaps.websocket += 1;
    this.#home.send(encodeFrame(gap));
  }

  send(_room: Room, entries: readonly Entry[]): void {
    const newest = entries.at(-1);
    if (newest === undefined) return;
    this.#offset = newest.message.offset;
    this.#home.messagesOut += entries.length;
    this.#home.cork(() => {
      for (const { text, binary } of entries) {
        this.#home.send(this.#binary ? (binary ?? text) : text);
      }
    });
  }

  turn(): Promise<() => void> {
    return this.#home.turn(limits.catchUpBytesMax);
  }

  goLive(room: Room): void {
    this.#home.goLive(this, room);
  }

  observes(room: Room): boolean {
    return this.isBlind || room.isLatestOnly;
  }

  observe(room: Room, entries: readonly Entry[]): void {
    if (!room.isLatestOnly) return this.send(room, entries);
    // One by one once there are many bytes of them, so that a burst does not fill the queue at once.
    const isLong = entries.reduce((sum, { text }) => sum + text.length, 0) > waitBytesMax;
    const parts = isLong ? entries.map((entry) => [entry]) : [entries];
    for (const part of parts) {
      if (this.#arrears?.has(room) || this.#home.queueBytes > waitBytesMax) {
        this.#arrears ??= new Arrears();
        this.#arrears.add(room, part);
        return;
      }
      this.send(room, part);
    }
  }

  /** Goes on with the newest message, if it was left out, now that nothing waits for it. */
  settle(): void {
    if (!this.isClosed) this.#arrears?.settle(this);
  }

  hear(room: Room, { name, json, binary }: RoomEvent): void {
    if (this.#refs !== null) return; // before `joined`, which tells the members there are
    if (name === "presence" && this.isBlind) return;
    if (name === "signal" && this.#arrears?.has(room)) return;
    this.#home.send(this.#binary ? (binary ?? json) : json);
  }
}
