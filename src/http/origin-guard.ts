/** Foreign pages stay out: a browser sends what they ask, with everything that its user may do. */

import { Elysia } from "elysia";
import { isFixedHost, isSameOrigin, type Origins } from "../auth/origin.ts";
import { PartylineError } from "../protocol/errors.ts";

/** What the guard must know of the server. */
export interface PageRules {
  /** Pages of other origins that may connect. */
  readonly origins: Origins;
  /**
   * True where whoever reaches the port is let in, and only this machine does: then a page whose
   * name was made to lead here would be let in, too.
   */
  readonly trustsNetwork: () => boolean;
}

/** Methods that change nothing; whatever they answer, a browser keeps it from foreign pages. */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/**
 * Looks at every request that is not for one of the app's own fixed pages, before any route.
 * @throws forbidden for a foreign page that would connect or change something, and for a host that
 * is no name of this machine
 */
export function originGuard(rules: PageRules) {
  return new Elysia({ name: "origin-guard" }).onRequest(({ request }) => {
    assertHost(request, rules);
    assertOrigin(request, rules);
  });
}

function assertHost({ headers }: Request, { origins, trustsNetwork }: PageRules): void {
  const host = headers.get("host");
  if (host === null || isFixedHost(host) || origins.names(host) || !trustsNetwork()) return;
  throw new PartylineError(
    "forbidden",
    `This server is for this machine only, and "${show(host)}" is no name of it. If it is reached ` +
      "through a proxy, name the origin that browsers see with allow-origin.",
  );
}

function assertOrigin(request: Request, { origins }: PageRules): void {
  const { method, headers } = request;
  const origin = headers.get("origin");
  if (safeMethods.has(method) && !headers.has("upgrade")) return;
  if (origin === null) {
    // No page, or a browser that keeps its origin to itself: then this tells (Fetch Metadata).
    const site = headers.get("sec-fetch-site");
    if (site === null || site === "same-origin" || site === "none") return;
  } else if (isSameOrigin(origin, headers.get("host") ?? "", toScheme(request))) {
    return;
  } else if (origins.allows(origin)) {
    return;
  }
  throw new PartylineError(
    "forbidden",
    origin === null
      ? "Pages of other sites may not do this here."
      : `Pages of the origin "${show(origin)}" may not connect here; allow-origin lets them in.`,
  );
}

/**
 * A proxy's word is taken here whoever gave it: it can only make the answer stricter, and no page can
 * set these headers on a WebSocket or leave out what a proxy adds.
 */
function toScheme({ url, headers }: Request): "https" | null {
  if (url.startsWith("https:")) return "https";
  if (/^\s*https\s*(,|$)/i.test(headers.get("x-forwarded-proto") ?? "")) return "https";
  return /^[^,]*;?\s*proto="?https"?\s*(;|,|$)/i.test(headers.get("forwarded") ?? "")
    ? "https"
    : null;
}

function show(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
