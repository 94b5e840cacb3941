/**
 * Bodies that an answer does not wait for. Bun 1.4.5 answers at once, keeps the connection and passes over
 * the rest of the body when it comes. A proxy may not: HAProxy 2.6 sends nothing more of a body whose
 * answer it has, but the next request, of whomever, and the server takes that for the rest.
 */

/** How much of a body is read for nothing, to keep the connection and let its sender hear why. */
export interface Patience {
  readonly bytesMax: number;
  /** Milliseconds in which it must come; 0 takes what is there already. */
  readonly withinMs: number;
}

/** For most refusals. */
export const patient: Patience = { bytesMax: 2 * 1_024 * 1_024, withinMs: 1_000 };
/** For whoever is refused because there is too much to do: that is to cost no more. */
export const hurried: Patience = { bytesMax: 65_536, withinMs: 0 };

/** Tells whether an HTTP/1.1 request has a body that nobody has begun to read. */
export function hasUntouchedBody({ bodyUsed, headers }: Request): boolean {
  return !bodyUsed && hasBody(headers);
}

/**
 * Reads the rest of a body and forgets it, within bounds. Returns false where it did not come to its
 * end: then the connection may carry no other request. Never throws.
 */
export async function discardBody(
  { body, headers }: Request,
  { bytesMax, withinMs }: Patience,
): Promise<boolean> {
  if (!hasBody(headers)) return true;
  // Bun shows no body of a GET, and passes over it unseen.
  if (body === null || Number(headers.get("content-length")) > bytesMax) return false;
  if (body.locked) return true; // by a parser of Elysia's, which has read all of it
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  const timer = setTimeout(() => reader.releaseLock(), withinMs); // ends the read that waits
  try {
    for (let bytes = 0; bytes <= bytesMax; ) {
      const { done, value } = await reader.read();
      if (done) return true;
      bytes += value.length;
    }
  } catch {
    // Late, cut, or in chunks that are none.
  } finally {
    clearTimeout(timer);
    reader.releaseLock();
  }
  body.cancel().catch(() => {}); // Bun keeps what came of it until then
  return false;
}

function hasBody(headers: Headers): boolean {
  const length = headers.get("content-length");
  return length === null ? headers.has("transfer-encoding") : length !== "0";
}
