/** WebSocket envelopes, text: what a client may send, decoded and checked, and what a server sends. */

import { PartylineError } from "./errors.ts";
import { readLimit, readMessageId, readSince, readUsername, refuse } from "./field.ts";
import { limits } from "./limits.ts";
import type { Since } from "./position.ts";
import { assertRoomName } from "./room-name.ts";

/** What a client gives with a request and finds again in its reply. */
export type Ref = string | number | undefined;

/** A decoded request. Text fields are within their limits, room names are valid. */
export type ClientFrame =
  | {
      type: "join";
      ref: Ref;
      room: string;
      since: Since;
      resumes: boolean;
      username: string | undefined;
      binary: boolean;
    }
  | { type: "leave"; ref: Ref; room: string }
  | { type: "message"; ref: Ref; room: string; content: unknown; id: string | undefined }
  | { type: "signal"; ref: Ref; room: string; content: unknown }
  | { type: "history"; ref: Ref; room: string; before: Since; limit: number }
  | { type: "members"; ref: Ref; room: string }
  | { type: "auth"; ref: Ref; token: string }
  | { type: "echo"; ref: Ref; data: unknown }
  | { type: "ping"; ref: Ref; data: unknown };

/** A user in a room. `joinedAt` is milliseconds since 1970; `connections` counts its connections. */
export interface Member {
  readonly id: string;
  readonly name: string;
  readonly joinedAt: number;
  readonly connections: number;
}

/** Who wrote a message or sent a signal. */
export interface Sender {
  readonly id: string;
  readonly name: string;
}

/** A message as it stands on every transport. It has either `content` or `bytes` (base64). */
export interface MessageFrame {
  readonly type: "message";
  readonly room: string;
  readonly position: string;
  readonly id: string;
  readonly from: Sender;
  readonly at: number;
  readonly content?: unknown;
  readonly bytes?: string;
}

/** Says that a reader missed something. The reader now stands at `to`. */
export interface GapFrame {
  readonly type: "gap";
  readonly room: string;
  readonly reason: "trimmed" | "reset";
  readonly from: string | null;
  readonly to: string;
}

/** What a server sends that is neither a message nor a signal; those are encoded by the hub. */
export type ServerFrame =
  | { type: "welcome"; connection: string; user: Sender; limits: object; server: object }
  | {
      type: "joined";
      ref?: Ref;
      room: string;
      position: string;
      members: readonly Member[];
      memberCount: number;
      observers: number;
      recovered: boolean;
    }
  | { type: "left"; ref?: Ref; room: string }
  | { type: "ack"; ref?: Ref; room: string; position: string; id: string; duplicate: boolean }
  | { type: "history"; ref?: Ref; room: string; messages: readonly MessageFrame[]; more: boolean }
  | {
      type: "members";
      ref?: Ref;
      room: string;
      members: readonly Member[];
      memberCount: number;
      observers: number;
    }
  | { type: "echo"; ref?: Ref; data: unknown }
  | { type: "pong"; ref?: Ref; data: unknown }
  | { type: "authenticated"; ref?: Ref; user: Sender; expiresAt: number | null }
  | { type: "token_expiring"; secondsLeft: number }
  | { type: "draining"; reconnectAfterMs: number }
  | { type: "error"; ref?: Ref; code: string; message: string; retryAfterMs?: number }
  | GapFrame;

/** Encodes a frame of the server. Fields that are undefined are left out. */
export function encodeFrame(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

/**
 * Decodes one text frame of a client.
 * @throws bad_frame when it is not one; the message names the field
 * @throws invalid_room when a room's name breaks the rule
 */
export function decodeFrame(text: string): ClientFrame {
  const fields = parseObject(text);
  const ref = readRef(fields);
  try {
    return readFrame(fields, ref);
  } catch (thrown) {
    if (thrown instanceof PartylineError) throw new FrameError(thrown, ref);
    throw thrown;
  }
}

/** A refused frame together with the `ref` it carried, so that the error can repeat it. */
export class FrameError extends PartylineError {
  readonly ref: Ref;

  constructor(cause: PartylineError, ref: Ref) {
    super(cause.code, cause.message, cause.retryAfterMs);
    this.ref = ref;
  }
}

type Fields = Record<string, unknown>;

function readFrame(fields: Fields, ref: Ref): ClientFrame {
  const { type } = fields;
  switch (type) {
    case "message":
      return {
        type,
        ref,
        room: readRoom(fields),
        content: readContent(fields),
        id: readMessageId(fields.id),
      };
    case "signal":
      return { type, ref, room: readRoom(fields), content: readContent(fields) };
    case "join":
      return {
        type,
        ref,
        room: readRoom(fields),
        since: readSince(fields.since),
        resumes: fields.since !== undefined && fields.since !== null,
        username: readUsername(fields.username),
        binary: readBinary(fields.binary),
      };
    case "leave":
    case "members":
      return { type, ref, room: readRoom(fields) };
    case "history":
      return {
        type,
        ref,
        room: readRoom(fields),
        before: readSince(fields.before, "before"),
        limit: readLimit(fields.limit),
      };
    case "auth":
      return { type, ref, token: readText(fields, "token") };
    case "echo":
    case "ping":
      return { type, ref, data: fields.data };
    default:
      throw refuse(
        "type",
        "must be one of join, leave, message, signal, history, members, auth, echo, ping",
      );
  }
}

function parseObject(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PartylineError("bad_frame", "The frame is not JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new PartylineError("bad_frame", "The frame is not a JSON object.");
  }
  return value as Fields;
}

function readRef(fields: Fields): Ref {
  const { ref } = fields;
  if (ref === undefined || ref === null) return undefined;
  if (typeof ref === "string" && ref.length <= limits.messageIdLengthMax) return ref;
  // 1e999 is a number to JSON.parse, but JSON has no way to repeat it.
  if (typeof ref === "number" && Number.isFinite(ref)) return ref;
  throw refuse("ref", `must be a number, or text of up to ${limits.messageIdLengthMax} characters`);
}

function readRoom(fields: Fields): string {
  return assertRoomName(readText(fields, "room"));
}

function readText(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw refuse(name, "must be text");
  return value;
}

function readContent(fields: Fields): unknown {
  if (fields.content === undefined) throw refuse("content", "is missing; it may be any JSON value");
  return fields.content;
}

function readBinary(binary: unknown): boolean {
  if (binary === undefined || typeof binary === "boolean") return binary ?? false;
  throw refuse("binary", "must be true or false");
}
