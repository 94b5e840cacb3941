/** One WebSocket connection. Bun calls its handlers directly: no wrapper stands between. */

import type { ServerWebSocket } from "bun";
import { encodePast, readBefore } from "../hub/history.ts";
import type { Hub } from "../hub/hub.ts";
import { type Body, createMessageId, toJson } from "../hub/message.ts";
import type { Room } from "../hub/room.ts";
import { decodeBinaryFrame } from "../protocol/binary-frame.ts";
import { errorTable, PartylineError, toPartylineError } from "../protocol/errors.ts";
import {
  type ClientFrame,
  decodeFrame,
  encodeFrame,
  FrameError,
  type Ref,
  type Sender,
  type ServerFrame,
} from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import type { Log } from "../telemetry/log.ts";
import { assertMay, type Identity } from "./guard.ts";
import { Membership } from "./membership.ts";
import { Outlet } from "./outlet.ts";

/** What all connections of a server share. */
export interface ConnectionHouse {
  readonly hub: Hub;
  readonly log: Log;
  /** What `welcome` says besides the user. */
  readonly greeting: { readonly limits: object; readonly server: object };
  /** The open connections. */
  readonly connections: Set<Connection>;
}

type Socket = ServerWebSocket<Connection>;

export class Connection extends Outlet<Connection> {
  readonly id: string;
  user: Sender;
  readonly #house: ConnectionHouse;
  readonly #identity: Identity;
  #memberships: Membership[] = [];
  #badFrames = 0;

  constructor(id: string, identity: Identity, house: ConnectionHouse) {
    super();
    this.id = id;
    this.user = identity.user;
    this.#identity = identity;
    this.#house = house;
  }

  open(socket: Socket): void {
    this.socket = socket;
    const { connections, greeting } = this.#house;
    connections.add(this);
    this.#tell({ type: "welcome", connection: this.id, user: this.user, ...greeting });
  }

  message(_socket: Socket, data: string | Buffer): void {
    let ref: Ref;
    try {
      if (typeof data === "string") {
        const frame = decodeFrame(data);
        ref = frame.ref;
        this.#obey(frame);
      } else {
        this.#obeyBinary(data);
      }
      this.#badFrames = 0;
    } catch (thrown) {
      this.#fail(thrown, thrown instanceof FrameError ? thrown.ref : ref);
    }
  }

  close(_socket: Socket, code: number): void {
    this.socket = null;
    this.#house.connections.delete(this);
    for (const membership of this.#memberships) this.#leave(membership, code !== 1000);
    this.#memberships = [];
    this.drain();
  }

  goLive(membership: Membership, room: Room): void {
    this.socket?.subscribe(membership.topicOf(room));
    membership.isLive = true;
    this.#house.hub.goLive(room, membership);
  }

  /** Tells the client to come back later, and closes. */
  leaveForDrain(reconnectAfterMs: number): void {
    this.#tell({ type: "draining", reconnectAfterMs });
    this.socket?.close(errorTable.draining.close, "draining");
  }

  #obey(frame: ClientFrame): void {
    const { ref } = frame;
    switch (frame.type) {
      case "message": {
        const body: Body = { kind: "json", json: toJson("content", frame.content) };
        return this.#publish(this.#joined(frame.room), ref, frame.id ?? createMessageId(), body);
      }
      case "signal":
        return this.#signal(this.#joined(frame.room), {
          kind: "json",
          json: toJson("content", frame.content),
        });
      case "join":
        return this.#join(frame);
      case "leave": {
        const membership = this.#memberships.find(({ name }) => name === frame.room);
        if (membership !== undefined) this.#leave(membership, false);
        this.#memberships = this.#memberships.filter((each) => each !== membership);
        return this.#tell({ type: "left", ref, room: frame.room });
      }
      case "history":
        return this.#tellHistory(frame);
      case "members": {
        const room = assertMay(this.#identity, "read", frame.room);
        return this.#tell({ type: "members", ref, room, ...this.#house.hub.membersOf(room) });
      }
      case "echo":
        return this.#tellData("echo", ref, frame.data);
      case "ping":
        return this.#tellData("pong", ref, frame.data);
      case "auth":
        throw new PartylineError("unauthenticated", "This server takes no tokens.");
      default:
        return frame satisfies never;
    }
  }

  #obeyBinary(data: Buffer): void {
    const { kind, room, payload } = decodeBinaryFrame(data);
    const membership = this.#joined(room);
    // A message outlives the frame it came in, whose memory Bun may use again.
    const body: Body = { kind: "bytes", bytes: payload.slice() };
    if (kind === "signal") return this.#signal(membership, body);
    this.#publish(membership, undefined, createMessageId(), body);
  }

  #joined(name: string): Membership {
    for (const membership of this.#memberships) if (membership.name === name) return membership;
    throw new PartylineError("not_joined", `Join the room "${name}" first.`);
  }

  #publish({ name }: Membership, ref: Ref, id: string, body: Body): void {
    assertMay(this.#identity, "write", name);
    this.#house.hub.publish(name, id, this.user, body).then(
      ({ epoch, offset, duplicate }) => {
        const position = `${epoch}:${offset}`;
        this.reply(encodeFrame({ type: "ack", ref, room: name, position, id, duplicate }));
      },
      (thrown) => this.#fail(thrown, ref),
    );
  }

  #signal({ name, room, isLive }: Membership, body: Body): void {
    assertMay(this.#identity, "write", name);
    if (room === null || !isLive) return; // still joining: whoever signals is not there yet
    this.#house.hub.signal(room, this.user, body, (topic, frame) => {
      this.socket?.publish(topic, frame);
    });
  }

  #join(frame: ClientFrame & { type: "join" }): void {
    const { room: name, ref, username } = frame;
    assertMay(this.#identity, "read", name);
    if (username !== undefined && this.#identity.isAnonymous) this.#rename(username);
    const present = this.#memberships.find((each) => each.name === name);
    if (present !== undefined) return present.joinAgain(ref);
    const { connectionRoomsMax } = limits;
    if (this.#memberships.length >= connectionRoomsMax) {
      const text = `One connection may be in ${connectionRoomsMax} rooms.`;
      throw new PartylineError("too_many", text);
    }
    const membership = new Membership(this, frame);
    this.#memberships.push(membership);
    this.#enter(membership, frame).catch((thrown) => {
      this.#memberships = this.#memberships.filter((each) => each !== membership);
      if (!membership.isClosed) this.#leave(membership, false);
      this.#fail(thrown, ref);
    });
  }

  async #enter(membership: Membership, { since }: ClientFrame & { type: "join" }): Promise<void> {
    const { hub } = this.#house;
    const room = await hub.open(membership.name);
    if (membership.isClosed) return room.release(); // it left, or was cut, meanwhile
    membership.room = room;
    await hub.join(room, membership, since);
  }

  #leave(membership: Membership, wasCut: boolean): void {
    const { room, isLive } = membership;
    membership.isClosed = true;
    if (room === null) return;
    if (isLive) this.socket?.unsubscribe(membership.topicOf(room));
    this.#house.hub.leave(room, membership, isLive, wasCut);
  }

  #rename(name: string): void {
    if (name === this.user.name) return;
    this.user = { id: this.user.id, name };
    for (const { room } of this.#memberships) room?.presence.rename(this.user);
  }

  #tellHistory({ ref, room, before, limit }: ClientFrame & { type: "history" }): void {
    assertMay(this.#identity, "read", room);
    readBefore(this.#house.hub.logOf(room), room, before, limit).then(
      ({ messages, more }) => {
        this.send(encodePast({ room, messages, more }, { type: "history", ref }));
      },
      (thrown) => this.#fail(thrown, ref),
    );
  }

  #tellData(type: "echo" | "pong", ref: Ref, data: unknown): void {
    const head = JSON.stringify({ type, ref }).slice(0, -1);
    this.send(`${head},"data":${toJson("data", data ?? null)}}`);
  }

  #tell(frame: ServerFrame): void {
    this.send(encodeFrame(frame));
  }

  #fail(thrown: unknown, ref: Ref): void {
    const error = toPartylineError(thrown);
    const { code, message, retryAfterMs } = error;
    if (code === "internal") this.#house.log.error({ err: thrown, connection: this.id }, "defect");
    this.#tell({ type: "error", ref, code, message, retryAfterMs });
    if (code === "internal") this.socket?.close(errorTable.internal.close, code);
    if (code !== "bad_frame") return;
    this.#badFrames += 1;
    if (this.#badFrames >= limits.badFramesMax) this.socket?.close(1008, code);
  }
}
