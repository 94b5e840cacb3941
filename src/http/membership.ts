/** One connection in one room: what the hub sees of it. */

import type { Member } from "../hub/hub.ts";
import type { Entry, Room, RoomEvent } from "../hub/room.ts";
import { encodeFrame, type GapFrame, type Ref, type Sender } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import { formatPosition } from "../protocol/position.ts";
import type { Connection } from "./connection.ts";

export class Membership implements Member {
  readonly name: string;
  readonly #connection: Connection;
  readonly #binary: boolean;
  readonly #resumes: boolean;
  /** The joins that wait for their answer; null once it stands. */
  #refs: Ref[] | null;
  /** The newest offset handed on before it read live. */
  #offset = 0;
  /** The room once it is open. */
  room: Room | null = null;
  /** True once it reads live. */
  isLive = false;
  /** True once it left, or its connection was closed. */
  isClosed = false;

  constructor(
    connection: Connection,
    join: { room: string; ref: Ref; binary: boolean; resumes: boolean },
  ) {
    this.#connection = connection;
    this.name = join.room;
    this.#refs = [join.ref];
    this.#binary = join.binary;
    this.#resumes = join.resumes;
  }

  get user(): Sender {
    return this.#connection.user;
  }

  isBinary(): boolean {
    return this.#binary;
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
    if (gap !== undefined) this.#connection.send(encodeFrame(gap));
  }

  /** Answers a second join, which changes nothing else. */
  joinAgain(ref: Ref, resumes: boolean): void {
    if (this.room === null || this.#refs !== null) this.#refs?.push(ref);
    else this.#tellJoined(this.room, ref, resumes);
  }

  /** The position told is where the reader stands: all that comes after it is sent to it. */
  #tellJoined(room: Room, ref: Ref, recovered: boolean): void {
    const { presence, observerCount: observers, epoch, name, last } = room;
    const position = formatPosition(epoch, this.isLive ? last : this.#offset);
    const members = presence.list();
    const memberCount = presence.count;
    const told = { room: name, position, members, memberCount, observers, recovered };
    this.#connection.send(encodeFrame({ type: "joined", ref, ...told }));
  }

  tellGap(_room: Room, offset: number, gap: GapFrame): void {
    this.#offset = offset;
    this.#connection.send(encodeFrame(gap));
  }

  send(_room: Room, entries: readonly Entry[]): void {
    const newest = entries.at(-1);
    if (newest === undefined) return;
    this.#offset = newest.message.offset;
    this.#connection.cork(() => {
      for (const { text, binary } of entries) {
        this.#connection.send(this.#binary ? (binary ?? text) : text);
      }
    });
  }

  turn(): Promise<() => void> {
    return this.#connection.turn(limits.catchUpBytesMax);
  }

  goLive(room: Room): void {
    this.#connection.goLive(this, room);
  }

  hear(_room: Room, { json, binary }: RoomEvent): void {
    if (this.#refs !== null) return; // before `joined`, which tells the members there are
    this.#connection.send(this.#binary ? (binary ?? json) : json);
  }
}
