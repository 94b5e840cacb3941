/** What the page hears from the server, and how it names its own messages. */

import type {
  GapFrame,
  Member,
  MessageFrame,
  Sender,
  ServerFrame,
} from "../../src/protocol/frame.ts";

/** The first frame of every connection. */
export interface WelcomeFrame {
  readonly type: "welcome";
  readonly connection: string;
  readonly user: Sender;
  readonly limits: {
    readonly frameBytesMax?: number;
    readonly usernameLengthMax?: number;
    readonly historyMessagesMax?: number;
  };
  readonly server: { readonly name: string; readonly version: string; readonly at: number };
}

/** A signal of somebody in a room: heard once, never stored. */
export interface SignalFrame {
  readonly type: "signal";
  readonly room: string;
  readonly from: Sender;
  readonly content?: unknown;
}

/** Who came to a room and who left it. `members` is how many are there now. */
export interface PresenceFrame {
  readonly type: "presence";
  readonly room: string;
  readonly joined?: readonly Member[];
  readonly left?: readonly Member[];
  readonly members: number;
  readonly observers?: number;
}

/** Every frame the page may hear. */
export type HeardFrame =
  | Exclude<ServerFrame, { type: "welcome" }>
  | WelcomeFrame
  | MessageFrame
  | SignalFrame
  | PresenceFrame
  | GapFrame;

/** The answer to a request of the kind `type`. */
export type Reply<Type extends HeardFrame["type"]> = Extract<HeardFrame, { type: Type }>;

/**
 * A message of ours on its way. `position` is where it was stored, once it was; `failure` says in
 * words why it will not be sent again by itself.
 */
export interface Outgoing {
  readonly id: string;
  readonly room: string;
  readonly content: unknown;
  readonly at: number;
  readonly state: "waiting" | "sent" | "failed";
  readonly position?: string;
  readonly failure?: string;
}

/**
 * Makes an id for a message: 128 random bits in hexadecimal. `crypto.randomUUID` would be missing
 * on a page that came over plain HTTP from another host.
 */
export function createMessageId(): string {
  let id = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) {
    id += byte.toString(16).padStart(2, "0");
  }
  return id;
}
