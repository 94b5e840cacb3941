/** The state of the page: the rooms, who is there, and what was heard. Views only read it. */

import type { Sender } from "../../src/protocol/frame.ts";
import { Access } from "./access.ts";
import { Connection } from "./connection.ts";
import type { ConnectionState } from "./connection-state.ts";
import { takeRefusal } from "./refusal.ts";
import {
  forgetRoom,
  keepName,
  keepOutgoing,
  keepRoom,
  recallName,
  recallOutgoing,
  recallRooms,
} from "./remembered.ts";
import { allowWriting, createRoom, type Room, takeFrame, takeSignal, typingMs } from "./room.ts";
import type { HeardFrame, Outgoing, Reply, WelcomeFrame } from "./wire.ts";

const caughtUpMs = 1_500;
const historyMessages = 60;

/** What the views want to know at once, beyond that something changed. */
export interface SessionListener {
  onChange(): void;
  onMessage(room: Room, text: Reply<"message">): void;
}

/** Everything the page shows. Lives as long as the page. */
export class Session {
  readonly rooms = new Map<string, Room>();
  current: Room | undefined;
  name = recallName() ?? "";
  readonly access = new Access();
  state: ConnectionState = { kind: "connecting" };
  welcome: WelcomeFrame | undefined;
  /** Milliseconds since 1970 until which the server takes no more messages; 0 for no such time. */
  limitedUntil = 0;
  /** What the server said last that concerns nothing in particular; undefined for nothing. */
  notice: string | undefined;
  /** Whether the server's own rooms may be read; undefined until it was asked. */
  mayWatchServer: boolean | undefined;
  readonly #ownIds = new Set<string>();
  readonly #listener: SessionListener;
  readonly #connection: Connection;

  constructor(url: string, token: string | undefined, listener: SessionListener) {
    this.#listener = listener;
    const outgoing = recallOutgoing();
    const who = { username: this.name, token };
    this.#connection = new Connection(url, who, {
      onState: (state) => this.#stand(state),
      onFrame: (frame) => this.#hear(frame),
      onOutgoing: (changed) => this.#track(changed),
    });
    for (const { room, read } of recallRooms()) this.#enter(room, read);
    for (const { room, content, id, at } of outgoing) {
      if (this.rooms.has(room)) this.#connection.publish(room, content, id, at);
    }
  }

  /** Opens a room, joining it first if need be. */
  open(name: string): void {
    const room = this.rooms.get(name) ?? this.#enter(name, null);
    if (room === this.current) return;
    if (this.current !== undefined) this.current.log.line = undefined;
    this.current = room;
    keepRoom(name, room.log.readText);
    if (room.log.unread > 0) room.log.line = room.log.read;
    if (room.log.entries.length < historyMessages) this.loadHistory(room);
    this.#listener.onChange();
  }

  /** Leaves a room; the next one, if any, is opened by whoever calls. */
  leave(room: Room): void {
    this.rooms.delete(room.name);
    this.#connection.leave(room.name);
    forgetRoom(room.name);
    if (this.current === room) this.current = undefined;
    this.#keepOutgoing();
    this.#listener.onChange();
  }

  /** Changes the name of this user. */
  rename(name: string): void {
    this.name = name;
    keepName(name);
    this.#connection.rename(name);
    this.#listener.onChange();
  }

  /** Acts by a token from now on. The rooms, and what waits to be sent, stay. */
  authenticate(token: string): void {
    this.#connection.authenticate(token);
  }

  /** Acts without a token from now on. */
  signOut(): void {
    this.access.asking = undefined;
    this.#connection.signOut();
  }

  /** Publishes text in a room. */
  say(room: Room, text: string): void {
    room.log.line = undefined;
    this.#connection.publish(room.name, text);
  }

  /** Sends a message again that failed. It keeps its id: should it be stored, it stays one. */
  retry({ id, room, content, at }: Outgoing): void {
    this.#connection.publish(room, content, id, at);
  }

  /** Gives up a message that failed. */
  discard(outgoing: Outgoing): void {
    const log = this.rooms.get(outgoing.room)?.log;
    if (log !== undefined) log.outgoing = log.outgoing.filter(({ id }) => id !== outgoing.id);
    this.#keepOutgoing();
    this.#listener.onChange();
  }

  /** Tells the others in the room whether this user is writing. */
  hintTyping(room: Room, isTyping: boolean): void {
    if (room.writeRefusal === undefined) this.#connection.signal(room.name, { typing: isTyping });
  }

  /** Reconnects now instead of later. */
  reconnect(): void {
    this.#connection.retryNow();
  }

  /** Marks the room in view as read, and remembers that. */
  markRead(room: Room): void {
    const hadUnread = room.log.unread > 0;
    if (room.log.markRead()) keepRoom(room.name, room.log.readText);
    if (hadUnread) this.#listener.onChange();
  }

  /** Fetches older messages of a room. Does nothing while that is under way, or none are left. */
  async loadHistory(room: Room): Promise<void> {
    const before = room.log.historyBefore;
    if (room.isLoading || before === undefined) return;
    room.isLoading = true;
    try {
      const { messages, more } = await this.#connection.history(room.name, before, historyMessages);
      room.log.prepend(messages, more);
    } catch {
      room.log.hasMore = false; // Cut off or refused. Asking again at once would never end: a join does.
    }
    room.isLoading = false;
    this.#listener.onChange();
  }

  /** True if the user is this one, also under an id of an earlier connection of this page. */
  isOwn(userId: string): boolean {
    return this.#ownIds.has(userId);
  }

  #enter(name: string, read: string | null): Room {
    const room = createRoom(name, read);
    this.rooms.set(name, room);
    this.#connection.join(name, read ?? undefined);
    return room;
  }

  #hear(frame: HeardFrame): void {
    if (frame.type === "welcome") this.welcome = frame;
    if (frame.type === "welcome" || frame.type === "authenticated") this.#accept(frame.user);
    else if (frame.type === "token_expiring") this.access.warn(frame.secondsLeft);
    else if (frame.type === "error") takeRefusal(this, frame);
    const room = "room" in frame ? this.rooms.get(frame.room) : undefined;
    if (room !== undefined) this.#hearIn(room, frame);
    this.#listener.onChange();
  }

  #stand(state: ConnectionState): void {
    this.state = state;
    if (state.kind === "barred") this.access.lose(state.reason);
    if (state.kind !== "open") for (const room of this.rooms.values()) room.isJoined = false;
    this.#listener.onChange();
  }

  /** Begins to act for a user, whose token decides what is shown from now on. */
  #accept(user: Sender): void {
    const { token } = this.#connection;
    this.#ownIds.add(user.id);
    this.access.accept(user, token);
    this.name = token === undefined ? (recallName() ?? "") : user.name;
    for (const room of this.rooms.values()) allowWriting(room);
    const asked = ["$clock", "$server"].map((room) => this.#connection.history(room, "end", 1));
    Promise.all(asked).then(
      () => this.#takeWatch(true),
      () => this.#takeWatch(false),
    );
  }

  #takeWatch(mayWatch: boolean): void {
    if (this.state.kind === "open") this.mayWatchServer = mayWatch;
    this.#listener.onChange();
  }

  #hearIn(room: Room, frame: HeardFrame): void {
    switch (frame.type) {
      case "joined":
        this.#takeJoined(room, frame);
        break;
      case "message":
        if (room.log.receive(frame, this.isOwn(frame.from.id))) this.#takeMessage(room, frame);
        break;
      case "signal":
        takeSignal(room, frame);
        setTimeout(() => this.#listener.onChange(), typingMs + 50);
        break;
      default:
        takeFrame(room, frame);
    }
  }

  #takeJoined(room: Room, frame: Reply<"joined">): void {
    const { log } = room;
    const isReturning = log.read !== undefined;
    takeFrame(room, frame);
    if (room === this.current && log.entries.length === 0) this.loadHistory(room);
    if (!isReturning || log.line !== undefined) return;
    // What was missed follows at once and stands below the line; what comes later does not.
    log.line = log.read;
    setTimeout(() => {
      if (log.line?.offset !== log.newest?.offset) return;
      log.line = undefined;
      this.#listener.onChange();
    }, caughtUpMs);
  }

  #takeMessage(room: Room, message: Reply<"message">): void {
    room.typing.delete(message.from.id);
    this.#keepOutgoing();
    this.#listener.onMessage(room, message);
  }

  #track(outgoing: Outgoing): void {
    this.rooms.get(outgoing.room)?.log.track(outgoing);
    this.#keepOutgoing();
    this.#listener.onChange();
  }

  #keepOutgoing(): void {
    const all = [...this.rooms.values()].flatMap(({ log }) => log.outgoing);
    keepOutgoing(all.filter(({ state }) => state !== "sent"));
  }
}
