/** Request bodies, bounded while they arrive. */

import { PartylineError } from "../protocol/errors.ts";

/** What a body may be. */
export interface BodyLimits {
  readonly bytesMax: number;
  /** Milliseconds in which it must have arrived; 0 means no such bound. */
  readonly withinMs: number;
}

/**
 * Reads a whole body.
 * @throws too_large as soon as more than `bytesMax` bytes were announced or have arrived
 * @throws bad_frame when it has not arrived within `withinMs`
 * @throws whatever `take` does, which hears of the bytes as they arrive
 */
export async function readBody(
  request: Request,
  { bytesMax, withinMs }: BodyLimits,
  take: (bytes: number) => void = () => {},
): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
  if (request.body === null) return new Uint8Array();
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let isLate = false;
  const onLate = () => {
    isLate = true;
    reader.releaseLock(); // ends the read that waits
  };
  const timer = withinMs === 0 ? undefined : setTimeout(onLate, withinMs);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      take(value.length);
      chunks.push(value);
    }
  } catch (thrown) {
    if (isLate) throw tooSlow(withinMs);
    // Nobody hears this, but a client that goes away is no defect of ours.
    if (request.signal.aborted) throw new PartylineError("bad_frame", "The body is not whole.");
    throw thrown;
  } finally {
    clearTimeout(timer);
    reader.releaseLock(); // of what is left, see discardBody
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, bytes);
}

/**
 * Decodes UTF-8.
 * @throws bad_frame when it is none
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new PartylineError("bad_frame", "The body is not valid UTF-8.");
  }
}

function tooSlow(withinMs: number): PartylineError {
  return new PartylineError("bad_frame", `The body was not whole within ${withinMs} ms.`);
}

function tooLarge(bytesMax: number): PartylineError {
  const text = `The body is over the limit of ${bytesMax} bytes.`;
  return new PartylineError("too_large", text, undefined, "frame-bytes-max");
}
