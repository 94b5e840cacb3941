/** Text that belongs to the program, gzipped once: who takes it so gets it so. */

import { evaluatePreconditions } from "../files/precondition.ts";

/** What takes gzip: it is named, and not with a weight of nothing (RFC 9110, section 12.5.3). */
const takesGzip = /(^|,)\s*(gzip|\*)\s*(;\s*q=(?!0(\.0{0,3})?\s*(,|$))|,|$)/i;

/**
 * Makes the handler of a fixed text. Each form has a strong validator of its own; asking again with
 * it costs a 304. What is gzipped is so at the first request, since most starts are for none.
 */
export function compressed(
  text: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): (context: { readonly request: Request }) => Response {
  const hash = Bun.hash(text).toString(36);
  let gzipped: Uint8Array<ArrayBuffer> | undefined;
  return ({ request }) => {
    const isGzipped = takesGzip.test(request.headers.get("accept-encoding") ?? "");
    const etag = isGzipped ? `"${hash}-gzip"` : `"${hash}"`;
    const common = { ...headers, etag, vary: "Accept-Encoding" };
    // It changes with the program only: its date would say nothing.
    const outcome = evaluatePreconditions(request.headers, { etag, modifiedAt: Number.NaN });
    if (outcome === "not_modified") return new Response(null, { status: 304, headers: common });
    if (!isGzipped) return new Response(text, { headers: common });
    gzipped ??= Bun.gzipSync(text, { level: 9 });
    return new Response(gzipped, { headers: { ...common, "content-encoding": "gzip" } });
  };
}
