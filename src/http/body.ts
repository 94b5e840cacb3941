/** Request bodies, bounded while they arrive. */

import { PartylineError } from "../protocol/errors.ts";

/**
 * Reads a whole body.
 * @throws too_large as soon as more than `bytesMax` bytes were announced or have arrived
 */
export async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.body) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      chunks.push(chunk);
    }
  } catch (thrown) {
    // Nobody hears this, but a client that goes away is no defect of ours.
    if (request.signal.aborted) throw new PartylineError("bad_frame", "The body is not whole.");
    throw thrown;
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

function tooLarge(bytesMax: number): PartylineError {
  return new PartylineError("too_large", `The body is over the limit of ${bytesMax} bytes.`);
}
