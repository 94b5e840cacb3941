/** One connection to the server, whatever it runs over: requests go in, frames come out. */

import type {
  GapFrame,
  Member,
  MessageFrame,
  Ref,
  Sender,
  ServerFrame,
} from "../protocol/frame.ts";
import type { Transport, Welcome } from "./contract.ts";
import type { LineError } from "./line-error.ts";

/** What is published or signalled: a JSON text, or bytes. */
export type Body = string | Uint8Array;

/** A request; its answer repeats `ref`. */
export type Request = { readonly ref?: Ref } & (
  | { type: "join"; room: string; since?: string; username?: string }
  | { type: "leave"; room: string }
  | { type: "message"; room: string; id: string; body: Body }
  | { type: "signal"; room: string; body: Body }
  | { type: "history"; room: string; before?: string; limit?: number }
  /** Reads forwards from a position: HTTP has it, WebSocket does not. */
  | { type: "read"; room: string; since: string; limit: number }
  /** Acts by the token that the calls have from now on; over WebSocket that is told. */
  | { type: "auth"; token: string | undefined }
  | { type: "ping" }
);

export type JoinRequest = Extract<Request, { type: "join" }>;

/** A request for something in a room that waits until it is answered. */
export type RoomRequest = Extract<Request, { type: "message" | "history" | "read" }>;

/** The content of a message or signal as it comes; bytes are base64. */
export interface Carrier {
  readonly content?: unknown;
  readonly bytes?: string;
}

/** A message as it comes. */
export type HeardMessage = Omit<MessageFrame, "bytes"> & Carrier;

/** An answer to `read`. */
export interface Page {
  readonly type: "read";
  readonly ref?: Ref;
  readonly messages: readonly HeardMessage[];
  readonly position: string;
  readonly more: boolean;
  readonly gap?: GapFrame;
}

type Changed = "welcome" | "history" | "pong" | "error" | "joined" | Unasked["type"];
type Unasked = Extract<ServerFrame, { type: "gap" | "token_expiring" | "draining" }>;

/** Every frame that may come. */
export type HeardFrame =
  | Exclude<ServerFrame, { type: Changed }>
  | { type: "error"; ref?: Ref; error: LineError }
  | Omit<Extract<ServerFrame, { type: "joined" }>, "recovered">
  | { type: "history"; ref?: Ref; messages: readonly HeardMessage[]; more: boolean }
  | Page
  | ({ ref?: undefined } & (
      | Unasked
      | HeardMessage
      | ({ type: "welcome" } & Welcome)
      | ({ type: "signal"; room: string; from: Sender } & Carrier)
      | {
          type: "presence";
          room: string;
          joined: readonly Member[];
          left: readonly Member[];
          members: number;
          observers: number;
        }
      /** The link itself tells: something came, if only a sign of life. */
      | { type: "pong" }
      /** The link itself tells, last of all: it ended. The text may be empty. */
      | { type: "lost"; error: LineError }
    ));

/** Frames of one type. */
export type Heard<Type extends HeardFrame["type"]> = Extract<HeardFrame, { type: Type }>;

/** Whoever owns a link. */
export type Hear = (frame: HeardFrame) => void;

/** What it tells after it is closed, or lost, is for nobody. */
export interface Link {
  readonly transport: Transport;
  send(request: Request): void;
  /** Asks for a sign of life; false where none can be asked for. */
  ping(): boolean;
  /** Lets go of it; `isDead` tells that the other side would not hear. */
  close(isDead: boolean): void;
}
