/** WebSocket envelopes, binary: `u8 kind · u8 roomLength · room · [u64 offset] · payload`. */

import { PartylineError } from "./errors.ts";
import { assertRoomName } from "./room-name.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1"); // the signs of a room's name are all ASCII

/** The kinds of binary frame: a stored message, and a signal. */
export const binaryKind = { message: 1, signal: 2 } as const;

/** A client's binary frame. `payload` is a view into the frame it came in: copy it to keep it. */
export interface BinaryFrame {
  readonly kind: "message" | "signal";
  readonly room: string;
  readonly payload: Uint8Array;
}

/**
 * Decodes one binary frame of a client.
 * @throws bad_frame when it is not one
 * @throws invalid_room when the room's name breaks the rule
 */
export function decodeBinaryFrame(frame: Uint8Array): BinaryFrame {
  const [kind, roomLength] = frame;
  if (roomLength === undefined || frame.length < 2 + roomLength) {
    throw new PartylineError("bad_frame", "The binary frame ends within its header.");
  }
  if (kind !== binaryKind.message && kind !== binaryKind.signal) {
    throw new PartylineError("bad_frame", "The binary frame's kind must be 1 or 2.");
  }
  const room = assertRoomName(decoder.decode(frame.subarray(2, 2 + roomLength)));
  const payload = frame.subarray(2 + roomLength);
  return { kind: kind === binaryKind.message ? "message" : "signal", room, payload };
}

/** Encodes one binary frame of the server. `offset` is big-endian, and 0 for a signal. */
export function encodeBinaryFrame(
  kind: BinaryFrame["kind"],
  room: string,
  offset: number,
  payload: Uint8Array,
): Uint8Array {
  const frame = new Uint8Array(10 + room.length + payload.length);
  frame[0] = binaryKind[kind];
  frame[1] = room.length;
  encoder.encodeInto(room, frame.subarray(2));
  new DataView(frame.buffer).setBigUint64(2 + room.length, BigInt(offset));
  frame.set(payload, 10 + room.length);
  return frame;
}
