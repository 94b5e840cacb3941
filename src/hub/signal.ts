/** A signal's frames: told to those in a room now, neither stored nor numbered. */

import { encodeBinaryFrame } from "../protocol/binary-frame.ts";
import type { Sender } from "../protocol/frame.ts";
import type { Body } from "./message.ts";
import type { RoomEvent } from "./room.ts";

/** Encodes a signal once for every reader there will be. */
export function encodeSignal(room: string, from: Sender, body: Body): RoomEvent {
  const head = `{"type":"signal","room":"${room}","from":${JSON.stringify(from)}`;
  if (body.kind === "json") {
    return { name: "signal", json: `${head},"content":${body.json}}`, binary: null };
  }
  const json = `${head},"bytes":"${Buffer.from(body.bytes).toString("base64")}"}`;
  return { name: "signal", json, binary: encodeBinaryFrame("signal", room, 0, body.bytes) };
}
