/** A message before and after the log numbered it, and its JSON, the same on every transport. */

import { randomUUIDv7 } from "bun";
import { PartylineError } from "../protocol/errors.ts";
import type { Sender } from "../protocol/frame.ts";

/** What a publisher gave: any JSON value as its JSON text, or bytes. */
export type Body =
  | { readonly kind: "json"; readonly json: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** A message that has no place in a log yet. `at` is milliseconds since 1970. */
export interface Draft {
  readonly room: string;
  readonly id: string;
  readonly from: Sender;
  readonly at: number;
  readonly body: Body;
}

/** A message with its place in its room's log. `offset` counts from 1. */
export interface Message extends Draft {
  readonly epoch: string;
  readonly offset: number;
}

/** Makes an id for a message whose publisher gave none. */
export function createMessageId(): string {
  return randomUUIDv7();
}

/** Bytes a message's body takes in the log; what retention counts. */
export function bodyBytes(body: Body): number {
  return body.kind === "json" ? Buffer.byteLength(body.json) : body.bytes.length;
}

/** Encodes a message as the one JSON text that every transport sends. */
export function encodeMessage({ room, epoch, offset, id, from, at, body }: Message): string {
  // Room and epoch need no escaping by their rules; the body is JSON already. This is the hot path.
  const head = `{"type":"message","room":"${room}","position":"${epoch}:${offset}","id":`;
  const sender = `{"id":${JSON.stringify(from.id)},"name":${JSON.stringify(from.name)}}`;
  const tail =
    body.kind === "json" ? `"content":${body.json}` : `"bytes":"${toBase64(body.bytes)}"`;
  return `${head}${JSON.stringify(id)},"from":${sender},"at":${at},${tail}}`;
}

/**
 * Writes any JSON value that a client sent as JSON again.
 * @throws bad_frame when it is nested more deeply than JSON.stringify can follow; JSON.parse is not
 *   recursive in Bun 1.4.5 and can
 */
export function toJson(field: string, value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    throw new PartylineError("bad_frame", `Field "${field}" is nested too deeply.`);
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
