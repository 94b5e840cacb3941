/** The state of the page: the rooms, who is there, and what was heard. Views only read it. */

import type { Line, Message, Welcome } from "../../src/client/contract.ts";
import { connect } from "../../src/client/index.ts";
import type { LineError } from "../../src/client/line-error.ts";
import type { Sender } from "../../src/protocol/frame.ts";
import { Access } from "./access.ts";
import { type ConnectionState, toConnectionState } from "./connection-state.ts";
import { createOutgoing, Outbox, type Outgoing } from "./outgoing.ts";
import { takeRefusal, takeRoomRefusal, takeWriteRefusal } from "./refusal.ts";
import {
  forgetRoom,
  keepName,
  keepOutgoing,
  keepRoom,
  recallName,
  recallOutgoing,
  recallRooms,
} from "./remembered.ts";
import { Room, type RoomListener } from "./room.ts";

/** What the views want to know at once, beyond that something changed. */
export interface SessionListener {
  onChange(): void;
  /** Somebody else said something. */
  onNews(room: Room, message: Message): void;
}

/** Everything the page shows. Lives as long as the page, and so does its line. */
export class Session implements RoomListener {
  readonly rooms = new Map<string, Room>();
  current: Room | undefined;
  name = recallName() ?? "";
  readonly access = new Access();
  /** Milliseconds since 1970 until which the server takes no more messages; 0 for no such time. */
  limitedUntil = 0;
  /** What the server said last that concerns nothing in particular; undefined for nothing. */
  notice: string | undefined;
  readonly #ownIds = new Set<string>();
  readonly #listener: SessionListener;
  readonly #line: Line;
  readonly #outbox: Outbox;
  /** By what the line is to act; {@link Access} holds what the server accepted. */
  #token: string | undefined;

  /** `base` is where the server is. */
  constructor(base: URL, token: string | undefined, listener: SessionListener) {
    this.#listener = listener;
    this.#token = token;
    const outgoing = recallOutgoing();
    const username = this.name || undefined;
    const line = connect(base, { token: () => this.#token, username });
    this.#line = line;
    this.#outbox = new Outbox(line, {
      onOutgoing: (changed) => this.#track(changed),
      onRefused: ({ room }, error) => takeWriteRefusal(this.rooms.get(room), error),
    });
    line.on("state", () => this.#stand());
    line.on("welcome", ({ user }) => this.#accept(user));
    line.on("user", (user) => {
      this.#accept(user);
      this.#rejoin();
    });
    line.on("error", (error) => this.#refuse(error));
    line.on("expiring", ({ secondsLeft }) => {
      this.access.warn(secondsLeft);
      listener.onChange();
    });
    for (const { room, read } of recallRooms()) this.#enter(room, read);
    for (const each of outgoing) if (this.rooms.has(each.room)) this.#outbox.send(each);
  }

  /** How the connection stands. */
  get state(): ConnectionState {
    return toConnectionState(this.#line.state, this.#token !== undefined);
  }

  /** Who this user is; null where the server has not told. */
  get user(): Sender | null {
    return this.#line.user;
  }

  /** What the server said first; null before that. */
  get welcome(): Welcome | null {
    return this.#line.welcome;
  }

  /** Opens a room, joining it first if need be. */
  open(name: string): void {
    const room = this.rooms.get(name) ?? this.#enter(name, null);
    if (room === this.current) return;
    if (this.current !== undefined) this.current.log.line = undefined;
    this.current = room;
    keepRoom(name, room.log.readText);
    if (room.log.unread > 0) room.log.line = room.log.read;
    if (room.log.isShort) room.loadHistory();
    this.#listener.onChange();
  }

  /** Leaves a room; the next one, if any, is opened by whoever calls. */
  leave(room: Room): void {
    this.rooms.delete(room.name);
    room.leave();
    forgetRoom(room.name);
    if (this.current === room) this.current = undefined;
    this.#keepOutgoing();
    this.#listener.onChange();
  }

  /** Changes the name of this user. */
  rename(name: string): void {
    this.name = name;
    keepName(name);
    this.#line.username = name;
    this.#listener.onChange();
  }

  /** Acts by a token from now on. The rooms, and what waits to be sent, stay. */
  authenticate(token: string): void {
    this.#token = token;
    this.#line.renew();
    if (token === this.access.token) this.access.complaint = "That one is in use already.";
  }

  /** Acts without a token from now on. */
  signOut(): void {
    this.access.asking = undefined;
    this.#token = undefined;
    this.#line.renew();
  }

  /** Publishes text in a room. */
  say(room: Room, text: string): void {
    room.log.line = undefined;
    this.#outbox.send(createOutgoing(room.name, text));
  }

  /** Sends a message again that failed. It keeps its id: should it be stored, it stays one. */
  retry(outgoing: Outgoing): void {
    this.#outbox.send(outgoing);
  }

  /** Gives up a message that failed. */
  discard(outgoing: Outgoing): void {
    this.rooms.get(outgoing.room)?.log.discard(outgoing.id);
    this.#keepOutgoing();
    this.#listener.onChange();
  }

  /** Reconnects now instead of later. */
  reconnect(): void {
    this.#line.retry();
  }

  /** Marks the room in view as read, and remembers that. */
  markRead(room: Room): void {
    const hadUnread = room.log.unread > 0;
    if (room.log.markRead()) keepRoom(room.name, room.log.readText);
    if (hadUnread) this.#listener.onChange();
  }

  /** True if the user is this one, also under an id of an earlier connection of this page. */
  isOwn(userId: string): boolean {
    return this.#ownIds.has(userId);
  }

  onChange(): void {
    this.#listener.onChange();
  }

  onJoined(room: Room): void {
    this.notice = undefined; // what kept it waiting is over
    if (room === this.current && room.log.entries.length === 0) room.loadHistory();
    this.#listener.onChange();
  }

  onMessage(room: Room, message: Message, isOwn: boolean): void {
    if (isOwn) this.#keepOutgoing();
    else this.#listener.onNews(room, message);
    this.#listener.onChange();
  }

  onRefused(room: Room, error: LineError): void {
    takeRoomRefusal(this, room, error);
    this.#listener.onChange();
  }

  #enter(name: string, read: string | null): Room {
    const room = new Room(name, read, this);
    this.rooms.set(name, room);
    room.join(this.#line);
    return room;
  }

  #stand(): void {
    const { state } = this.#line;
    // It would be shown the same token again: waiting leads nowhere.
    if (state.name === "waiting" && state.code === "unauthenticated") return this.#line.retry();
    const shown = this.state;
    if (shown.kind === "barred") this.access.lose(shown.reason);
    if (shown.kind === "connecting") this.#rejoin();
    this.#listener.onChange();
  }

  /** Begins to act for a user, whose token decides what is shown from now on. */
  #accept(user: Sender | null): void {
    if (user !== null) this.#ownIds.add(user.id);
    this.access.accept(user ?? undefined, this.#token);
    this.name = this.access.user?.name ?? recallName() ?? "";
    for (const room of this.rooms.values()) room.allowWriting();
    this.#listener.onChange();
  }

  /** Tries again what could not be had before: rooms, and messages that wait for them. */
  #rejoin(): void {
    for (const room of this.rooms.values()) {
      room.join(this.#line);
      for (const outgoing of [...room.log.outgoing]) {
        if (outgoing.state === "waiting") this.#outbox.send(outgoing);
      }
    }
  }

  #refuse(error: LineError): void {
    const isAuthenticating = this.#token !== this.access.token && this.state.kind === "open";
    // Others tell what comes later, or pause what is being sent.
    if (isAuthenticating && !/^(rate_limited|unavailable)$/.test(error.code)) {
      this.access.complaint = error.message;
      this.#token = this.access.token; // by which the line goes on
    } else takeRefusal(this, error);
    this.#listener.onChange();
  }

  #track(outgoing: Outgoing): void {
    const room = this.rooms.get(outgoing.room);
    room?.log.track(outgoing);
    if (outgoing.state === "sent") {
      this.notice = undefined;
      room?.allowWriting();
    }
    this.#keepOutgoing();
    this.#listener.onChange();
  }

  #keepOutgoing(): void {
    const all = [...this.rooms.values()].flatMap(({ log }) => log.outgoing);
    keepOutgoing(all.filter(({ state }) => state !== "sent"));
  }
}
