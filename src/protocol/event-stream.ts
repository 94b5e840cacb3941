/** Server-Sent Events as bytes (WHATWG HTML, section 9.2.6). */

const encoder = new TextEncoder();
const lineBreaks = /\r\n|\r|\n/;
const forbidden = /[\r\n\0]/;

/** One event. `id` and `event` must hold no CR, LF or NUL; `data` may be any text. */
export interface StreamEvent {
  readonly id?: string;
  readonly event?: string;
  readonly data: string;
}

/**
 * Writes one event as text. Each line of `data` gets a field of its own, so that no text a user
 * writes can end the event and forge another.
 * @throws RangeError when `id` or `event` holds CR, LF or NUL: that is a defect of the caller.
 */
export function formatEvent({ id, event, data }: StreamEvent): string {
  let text = "";
  if (event !== undefined) text += `event: ${assertPlain("event", event)}\n`;
  if (id !== undefined) text += `id: ${assertPlain("id", id)}\n`;
  // The usual case is JSON, which has no line breaks: one test, no array.
  if (!data.includes("\n") && !data.includes("\r")) return `${text}data: ${data}\n\n`;
  for (const line of data.split(lineBreaks)) text += `data: ${line}\n`;
  return `${text}\n`;
}

/** Encodes one event. */
export function encodeEvent(event: StreamEvent): Uint8Array {
  return encoder.encode(formatEvent(event));
}

/** Encodes a comment, which readers ignore and proxies count as traffic. */
export function encodeComment(text: string): Uint8Array {
  return encoder.encode(`: ${assertPlain("comment", text)}\n\n`);
}

/** Encodes the first bytes of a stream: a comment, and how long to wait before reconnecting. */
export function encodePreamble(reconnectAfterMs: number): Uint8Array {
  return encoder.encode(`: partyline\nretry: ${Math.round(reconnectAfterMs)}\n\n`);
}

function assertPlain(field: string, value: string): string {
  if (forbidden.test(value)) throw new RangeError(`SSE ${field} holds CR, LF or NUL`);
  return value;
}
