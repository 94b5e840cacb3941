/** A message as rooms hand it on. */

import { encodeBinaryFrame } from "../protocol/binary-frame.ts";
import { encodeMessage, type Message } from "./message.ts";

/** A message together with its encodings, each made once. */
export interface Entry {
  readonly message: Message;
  /** The JSON that every transport sends. */
  readonly text: string;
  /** The binary frame of a message with bytes; null for one with content. */
  readonly binary: Uint8Array | null;
}

/** Encodes a message once for every reader there will be. */
export function toEntry(message: Message): Entry {
  const { room, offset, body } = message;
  const isBinary = body.kind === "bytes";
  const binary = isBinary ? encodeBinaryFrame("message", room, offset, body.bytes) : null;
  return { message, text: encodeMessage(message), binary };
}
