/** A message before and after the log numbered it, and its JSON, the same on every transport. */

import { randomUUIDv7 } from "bun";
import { PartylineError } from "../protocol/errors.ts";
import type { Sender } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";

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
 * Writes a JSON value that a client sent as JSON again.
 * @throws bad_frame when it is nested too deeply. Bun 1.4.5 parses any depth, but a JSON.stringify
 *   that runs out of stack holds the event loop for more than half a second before it throws.
 */
export function toJson(field: string, value: unknown): string {
  const { contentDepthMax } = limits;
  if (!isDeeper(value, contentDepthMax)) return JSON.stringify(value);
  const text = `Field "${field}" is nested more than ${contentDepthMax} levels deep.`;
  throw new PartylineError("bad_frame", text);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const inner of Object.values(value)) if (isDeeper(inner, levels - 1)) return true;
  return false;
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
