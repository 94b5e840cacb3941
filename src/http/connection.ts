/** One WebSocket connection. Bun calls its handlers directly: no wrapper stands between. */

import type { ServerWebSocket } from "bun";
import { type Body, createMessageId, toJson } from "../hub/message.ts";
import { rateLimited } from "../limit/rate-limiter.ts";
import { type BinaryFrame, decodeBinaryFrame } from "../protocol/binary-frame.ts";
import { errorTable, type PartylineError, toPartylineError } from "../protocol/errors.ts";
import {
  type ClientFrame,
  decodeFrame,
  encodeFrame,
  FrameError,
  type Ref,
  type ServerFrame,
} from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import type { Silent } from "./admission.ts";
import { answerData, answerHistory, answerMembers } from "./answer.ts";
import { assertMay, type Identity } from "./guard.ts";
import type { Membership } from "./membership.ts";
import { RoomConnection } from "./room-connection.ts";
import type { Session } from "./sessions.ts";

type Socket = ServerWebSocket<unknown>;

/** Close codes after which nobody comes back by itself: the client left, or was sent away. */
const finalCodes: ReadonlySet<number> = new Set([1000, 1005, 1008, 4401]);

export class Connection extends RoomConnection implements Silent, Session {
  /** Milliseconds since 1970; null where people without a token may do something, too. */
  tokenDueAt: number | null = null;
  #badFrames = 0;

  open(socket: Socket): void {
    this.socket = socket;
    const { connections, greeting, admission, sessions } = this.house;
    connections.add(this);
    admission.newcomers.add(this);
    sessions.watch(this);
    this.#tell({ type: "welcome", connection: this.id, user: this.user, ...greeting });
  }

  message(_socket: Socket, data: string | Buffer): void {
    this.house.admission.newcomers.remove(this);
    const waitMs = this.pass.spend(); // before decoding: a malformed frame counts, too
    let ref: Ref;
    try {
      const frame = typeof data === "string" ? decodeFrame(data) : decodeBinaryFrame(data);
      ref = "ref" in frame ? frame.ref : undefined;
      if (waitMs > 0) throw rateLimited("Too many frames.", waitMs); // its ref is known by now
      if ("payload" in frame) this.#obeyBinary(frame);
      else this.#obey(frame);
      this.#badFrames = 0;
    } catch (thrown) {
      this.fail(thrown, thrown instanceof FrameError ? thrown.ref : ref);
    }
  }

  close(_socket: Socket, code: number): void {
    this.socket = null;
    this.house.connections.delete(this);
    this.house.admission.newcomers.remove(this);
    this.house.sessions.forget(this);
    this.leaveAll(!finalCodes.has(code));
    this.drain();
  }

  /** Tells the client to come back later, and closes. */
  leaveForDrain(reconnectAfterMs: number): void {
    this.#tell({ type: "draining", reconnectAfterMs });
    this.socket?.close(errorTable.draining.close, "draining");
  }

  /** Tells the client that its token runs out. */
  warn(secondsLeft: number): void {
    this.#tell({ type: "token_expiring", secondsLeft });
  }

  renew(identity: Identity): void {
    this.become(identity);
    this.tokenDueAt = null;
    this.house.sessions.watch(this);
  }

  /** Closes, and says why. */
  expire({ code, message }: PartylineError): void {
    this.#tell({ type: "error", code, message });
    this.socket?.close(errorTable[code].close ?? 1008, code);
  }

  /** Closes, because nothing came from the client. */
  leaveForSilence(): void {
    this.socket?.close(1008, "no frame came");
  }

  #obey(frame: ClientFrame): void {
    const { ref } = frame;
    switch (frame.type) {
      case "message": {
        const body: Body = { kind: "json", json: toJson("content", frame.content) };
        return this.#publish(this.joined(frame.room), ref, frame.id ?? createMessageId(), body);
      }
      case "signal":
        return this.#signal(this.joined(frame.room), {
          kind: "json",
          json: toJson("content", frame.content),
        });
      case "join":
        return this.join(frame);
      case "leave":
        this.leaveRoom(frame.room);
        return this.#tell({ type: "left", ref, room: frame.room });
      case "history":
        answerHistory(this.house.hub, this.identity, frame)
          .then((answer) => {
            assertMay(this.identity, "read", frame.room); // it may have changed during the wait
            this.send(answer);
          })
          .catch((thrown) => this.fail(thrown, ref));
        return;
      case "members":
        return this.send(answerMembers(this.house.hub, this.identity, frame));
      case "echo":
        return this.send(answerData("echo", ref, frame.data));
      case "ping":
        return this.send(answerData("pong", ref, frame.data));
      case "auth":
        this.#authenticate(frame).catch((thrown) => this.fail(thrown, ref));
        return;
      default:
        return frame satisfies never;
    }
  }

  async #authenticate({ ref, token }: ClientFrame & { type: "auth" }): Promise<void> {
    let identity: Identity;
    try {
      identity = await this.house.guard.authenticate(token);
    } catch (thrown) {
      this.fail(thrown, ref);
      // Whoever still has a token that holds, or needs none, may try again.
      if (this.tokenDueAt !== null) this.socket?.close(errorTable.unauthenticated.close);
      return;
    }
    if (this.socket === null) return;
    this.renew(identity);
    const expiresAt = identity.token?.expiresAt ?? null;
    this.#tell({ type: "authenticated", ref, user: this.user, expiresAt });
  }

  #obeyBinary({ kind, room, payload }: BinaryFrame): void {
    const membership = this.joined(room);
    // A message outlives the frame it came in, whose memory Bun may use again.
    const body: Body = { kind: "bytes", bytes: payload.slice() };
    if (kind === "signal") return this.#signal(membership, body);
    this.#publish(membership, undefined, createMessageId(), body);
  }

  #publish({ name, opening }: Membership, ref: Ref, id: string, body: Body): void {
    assertMay(this.identity, "write", name);
    const { user } = this;
    const { hub } = this.house;
    // Whoever is not let into a room must not begin it by a message sent along with the join.
    const published =
      opening === null
        ? hub.publish(name, id, user, body)
        : opening.then(() => hub.publish(name, id, user, body));
    published.then(
      ({ epoch, offset, duplicate }) => {
        const position = `${epoch}:${offset}`;
        this.reply(encodeFrame({ type: "ack", ref, room: name, position, id, duplicate }));
      },
      (thrown) => this.fail(thrown, ref),
    );
  }

  #signal(membership: Membership, body: Body): void {
    const { name, room, isLive } = membership;
    assertMay(this.identity, "write", name);
    if (room === null || !isLive) return; // still joining: whoever signals is not there yet
    const publish = (topic: string, frame: string | Uint8Array) => {
      this.socket?.publish(topic, frame);
    };
    this.house.hub.signal(room, this.user, body, publish, membership);
  }

  #tell(frame: ServerFrame): void {
    this.send(encodeFrame(frame));
  }

  protected fail(thrown: unknown, ref: Ref): void {
    const error = toPartylineError(thrown);
    const { code, message, retryAfterMs } = error;
    if (code === "internal") this.house.log.error({ err: thrown, connection: this.id }, "defect");
    this.#tell({ type: "error", ref, code, message, retryAfterMs });
    if (code === "internal") this.socket?.close(errorTable.internal.close, code);
    if (this.pass.isHopeless) this.socket?.close(errorTable.too_many.close, code);
    if (code !== "bad_frame") return;
    this.#badFrames += 1;
    if (this.#badFrames >= limits.badFramesMax) this.socket?.close(1008, code);
  }
}
