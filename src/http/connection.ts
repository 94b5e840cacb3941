/** One WebSocket connection. Bun calls its handlers directly: no wrapper stands between. */

import type { ServerWebSocket } from "bun";
import type { Action } from "../auth/grant.ts";
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
import type { Leaver } from "./drain.ts";
import { assertMay, type Identity } from "./guard.ts";
import type { Membership } from "./membership.ts";
import type { Ending } from "./roll.ts";
import { RoomConnection } from "./room-connection.ts";

type Socket = ServerWebSocket<unknown>;

/** Close codes after which nobody comes back by itself: the client left, or was sent away. */
const finalCodes: ReadonlySet<number> = new Set([1000, 1005, 1008, 4401]);

/** Bun 1.4.5 closes by itself where a message is too large: to the client with 1009, here with 1006. */
const tooBigReason = "Received too big message";

export class Connection extends RoomConnection implements Silent, Leaver {
  #badFrames = 0;

  open(socket: Socket): void {
    this.socket = socket;
    const { greeting, admission, sessions, roll } = this.house;
    roll.add(this);
    admission.newcomers.add(this);
    sessions.watch(this);
    this.#tell({ type: "welcome", connection: this.id, user: this.user, ...greeting });
  }

  message(_socket: Socket, data: string | Buffer): void {
    this.house.admission.newcomers.remove(this);
    const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    this.bytesIn += bytes;
    this.house.measures.receivedBytes.websocket += bytes;
    const waitMs = this.pass.spend(); // before decoding: a malformed frame counts, too
    let ref: Ref;
    try {
      const frame = typeof data === "string" ? decodeFrame(data) : decodeBinaryFrame(data);
      ref = "ref" in frame ? frame.ref : undefined;
      if (waitMs > 0) throw tooManyFrames(waitMs); // its ref is known by now
      if ("payload" in frame) this.#obeyBinary(frame);
      else this.#obey(frame);
      this.#badFrames = 0;
    } catch (thrown) {
      this.fail(thrown, thrown instanceof FrameError ? thrown.ref : ref);
    }
  }

  close(_socket: Socket, code: number, reason = ""): void {
    this.socket = null;
    this.house.admission.newcomers.remove(this);
    this.house.sessions.forget(this);
    // Whoever was sent away is waited for until then, whichever code the client closed with.
    const isGone = finalCodes.has(code) && !this.isLeaving;
    this.leaveAll(isGone ? 0 : limits.presenceGraceMs + this.returnsAfterMs);
    this.drain();
    this.house.roll.remove(this, this.#toEnding(code, reason));
  }

  #toEnding(code: number, reason: string): Ending {
    const { measures, overflow } = this.house;
    if (reason === tooBigReason) {
      measures.countError("websocket", "too_large", "frame-bytes-max");
      return { code: errorTable.too_large.close, reason: "too_large" };
    }
    const isSlow = code === 1006 && (this.hasOverflowed || overflow.isRecent);
    if (isSlow) measures.slowReaders.websocket += 1;
    return { code, reason: isSlow ? "slow_reader" : reason };
  }

  override leaveForDrain(reconnectAfterMs: number): void {
    this.house.measures.drained.websocket += 1;
    super.leaveForDrain(reconnectAfterMs);
  }

  /** Tells the client that its token runs out. */
  warn(secondsLeft: number): void {
    this.#tell({ type: "token_expiring", secondsLeft });
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
      case "history": {
        this.house.admission.shedding.assertMayRead();
        const answer = answerHistory(this.house.hub, this.identity, frame);
        return this.#answer(answer, "read", frame.room, ref);
      }
      case "members": {
        const answer = answerMembers(this.house.hub, this.identity, frame);
        if (typeof answer === "string") return this.send(answer);
        return this.#answer(answer, "presence", frame.room, ref);
      }
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

  /** Sends an answer once it is there, if the user may still have it then. */
  #answer(answer: Promise<string>, action: Action, room: string, ref: Ref): void {
    const send = (text: string) => {
      assertMay(this.identity, action, room); // it may have changed during the wait
      this.send(text);
    };
    answer.then(send).catch((thrown) => this.fail(thrown, ref));
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
    const renewal = this.renew(identity);
    if (renewal !== undefined) await renewal;
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
    this.beginAnswer();
    const { user } = this;
    const { admission, hub, measures } = this.house;
    const startedAt = performance.now();
    this.messagesIn += 1;
    measures.publishes.websocket += 1;
    // Whoever is not let into a room must not begin it by a message sent along with the join.
    const store = () => hub.publish(name, id, user, body);
    const act = opening === null ? store : () => opening.then(store);
    const published = admission.publish(body, act);
    published.then(
      ({ epoch, offset, duplicate }) => {
        measures.countPublish("websocket", duplicate, performance.now() - startedAt);
        const position = `${epoch}:${offset}`;
        this.reply(encodeFrame({ type: "ack", ref, room: name, position, id, duplicate }));
        this.endAnswer();
      },
      (thrown) => {
        this.fail(thrown, ref);
        this.endAnswer();
      },
    );
  }

  #signal(membership: Membership, body: Body): void {
    const { name, room, isLive } = membership;
    assertMay(this.identity, "write", name);
    if (room === null || !isLive) return; // still joining: whoever signals is not there yet
    const publish = (topic: string, frame: string | Uint8Array) => {
      this.socket?.publish(topic, frame);
    };
    this.house.hub.signal(name, this.user, body, publish, membership);
  }

  #tell(frame: ServerFrame): void {
    this.send(encodeFrame(frame));
  }

  protected fail(thrown: unknown, ref: Ref): void {
    const error = toPartylineError(thrown);
    const { code, message, retryAfterMs, limit } = error;
    this.house.measures.countError("websocket", code, limit);
    if (code === "internal") {
      const { id: connection, user, arrival } = this;
      const fields = { err: thrown, connection, user: user.id, ...arrival.trace };
      this.house.log.error(fields, "a frame met a defect");
    }
    this.#tell({ type: "error", ref, code, message, retryAfterMs });
    if (code === "internal") this.socket?.close(errorTable.internal.close, code);
    if (this.pass.isHopeless) this.socket?.close(errorTable.too_many.close, code);
    if (code !== "bad_frame") return;
    this.#badFrames += 1;
    if (this.#badFrames >= limits.badFramesMax) this.socket?.close(1008, code);
  }
}

function tooManyFrames(waitMs: number): PartylineError {
  return rateLimited("Too many frames.", waitMs, "messages-per-second");
}
