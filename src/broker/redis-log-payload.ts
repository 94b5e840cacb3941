/** Messages as text in Redis, and back, without loss. */

import type { Body, Draft, Message } from "../hub/message.ts";

/**
 * Writes what is kept and announced of a draft: a line with its id, a line `<bytes of the body> <at> <j or
 * b> [<from.id>,<from.name>]`, and the body, as its JSON text or as base64. JSON has no line breaks but
 * in the body, keeps lone surrogates, and no sign that separates payloads ever stands in it.
 */
export function toPayload({ id, from, at, body }: Draft, bytes: number): string {
  const kind = body.kind === "json" ? "j" : "b";
  const text = body.kind === "json" ? body.json : toBase64(body.bytes);
  const sender = `[${JSON.stringify(from.id)},${JSON.stringify(from.name)}]`;
  return `${toIdText(id)}\n${bytes} ${at} ${kind} ${sender}\n${text}`;
}

/** Writes an id as Redis knows it. Ids that differ only in lone surrogates stay apart. */
export function toIdText(id: string): string {
  return JSON.stringify(id);
}

/** Reads a payload. @throws when it is not one */
export function toMessage(payload: string, room: string, epoch: string, offset: number): Message {
  const idEnd = payload.indexOf("\n");
  const headEnd = payload.indexOf("\n", idEnd + 1);
  const atStart = payload.indexOf(" ", idEnd + 1) + 1;
  const atEnd = payload.indexOf(" ", atStart);
  if (idEnd < 0 || headEnd < 0 || atStart === 0 || atEnd < 0) throw new Error(foreign);
  const id: unknown = JSON.parse(payload.slice(0, idEnd));
  const sender: unknown = JSON.parse(payload.slice(atEnd + 3, headEnd));
  const [userId, name]: unknown[] = Array.isArray(sender) ? sender : [];
  if (typeof id !== "string" || typeof userId !== "string" || typeof name !== "string") {
    throw new Error(foreign);
  }
  const text = payload.slice(headEnd + 1);
  const isJson = payload.charAt(atEnd + 1) === "j";
  const body: Body = isJson
    ? { kind: "json", json: text }
    : { kind: "bytes", bytes: Uint8Array.fromBase64(text) };
  const from = { id: userId, name };
  return { room, epoch, offset, id, from, at: Number(payload.slice(atStart, atEnd)), body };
}

const foreign = "Redis holds a message that is not Partyline's.";

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
