/** `GET /files/*`: the download folder. */

import { Elysia } from "elysia";
import { toContentDisposition } from "../files/content-disposition.ts";
import {
  createDownloads,
  type Downloads,
  type FoundFile,
  type FoundFolder,
} from "../files/downloads.ts";
import { toMediaType } from "../files/media-type.ts";
import { evaluatePreconditions } from "../files/precondition.ts";
import { PartylineError } from "../protocol/errors.ts";
import { folderPageHeaders, renderFolderPage } from "./folder-page.ts";
import type { Guard } from "./guard.ts";

const prefix = "/files";
const detail = { tags: ["files"] };

/**
 * What a file may do in a browser that shows it: be looked at. Nobody here vouches for what lies
 * in the folder, so a page from it runs no script, sends no form, and has an origin of its own.
 */
const fileHeaders = {
  "cache-control": "no-cache", // may be kept, but is asked about each time
  "x-content-type-options": "nosniff",
  "content-security-policy":
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; " +
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
};

/** Browsers show no PDF below a `sandbox`; what runs in one never has our origin anyway. */
const pdfPolicy = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'";

/**
 * Serves the folder `root`, which is read only when somebody asks: to whoever has a token, and to
 * everybody where people without one may do anything at all. Without a guard it is open.
 */
export function downloads(root: string, guard?: Guard) {
  const folder = createDownloads(root);
  const answer = async (request: Request) => {
    if (guard !== undefined) await assertKnown(guard, request);
    return respond(folder, request);
  };
  return new Elysia({ name: "downloads" })
    .get(prefix, ({ request }) => answer(request), { detail })
    .head(prefix, ({ request }) => answer(request), {
      detail: { hide: true },
    })
    .get(`${prefix}/*`, ({ request }) => answer(request), { detail })
    .head(`${prefix}/*`, ({ request }) => answer(request), {
      detail: { hide: true },
    });
}

async function assertKnown(guard: Guard, request: Request): Promise<void> {
  const { token } = await guard.identify(request);
  if (token !== null || !guard.authenticator.needsToken) return;
  throw new PartylineError("unauthenticated", "A token is needed to download files.");
}

async function respond(downloads: Downloads, request: Request): Promise<Response> {
  // Elysia's parameters are already decoded, and a name that was decoded cannot be checked.
  const { pathname, searchParams } = new URL(request.url);
  const found = await downloads.find(pathname.slice(prefix.length));
  if (found.kind === "file") return respondFile(found, request, searchParams.has("download"));
  if (!found.endsWithSlash) return redirectToSlash(request);
  return respondFolder(downloads, found, request, searchParams);
}

function respondFile(file: FoundFile, request: Request, isAttachment: boolean): Response {
  const validators = {
    etag: file.etag,
    // A date to come would promise that the file does not change until then.
    "last-modified": new Date(Math.min(file.modifiedAt, Date.now())).toUTCString(),
  };
  const outcome = evaluatePreconditions(request.headers, file);
  if (outcome === "not_modified") {
    const { "cache-control": cacheControl } = fileHeaders;
    const headers = { ...validators, "cache-control": cacheControl };
    return new Response(null, { status: 304, headers });
  }
  if (outcome === "failed") return respondPreconditionFailed(validators);
  const mediaType = toMediaType(file.name);
  const headers: Record<string, string> = {
    ...fileHeaders,
    ...validators,
    "content-type": mediaType,
    "content-disposition": toContentDisposition(isAttachment ? "attachment" : "inline", file.name),
  };
  if (mediaType === "application/pdf") headers["content-security-policy"] = pdfPolicy;
  // Where Bun answers 206 or 416 it adds this field itself, and a second one if we did.
  if (request.method === "HEAD" || !request.headers.has("range"))
    headers["accept-ranges"] = "bytes";
  // Inside a Response with our validators Bun 1.4.5 evaluates Range and If-Range as RFC 9110 asks,
  // and sends the bytes by sendfile; a bare Bun.file ignores If-Range.
  return new Response(Bun.file(file.path), { headers });
}

/** RFC 9457 needs no `code` of ours: only HTTP has preconditions. */
function respondPreconditionFailed(validators: Record<string, string>): Response {
  const problem = {
    type: "about:blank",
    title: "Precondition Failed",
    status: 412,
    detail: "The file is not the one that the precondition names.",
  };
  return new Response(JSON.stringify(problem), {
    status: 412,
    headers: {
      ...validators,
      "content-type": "application/problem+json",
      "cache-control": "no-store",
    },
  });
}

/** Relative, so that it holds behind a path prefix and can never name another host. */
function redirectToSlash({ url }: Request): Response {
  const { pathname, search } = new URL(url);
  const location = `./${pathname.slice(pathname.lastIndexOf("/") + 1)}/${search}`;
  return new Response(null, { status: 308, headers: { location, "cache-control": "no-cache" } });
}

async function respondFolder(
  downloads: Downloads,
  folder: FoundFolder,
  request: Request,
  search: URLSearchParams,
): Promise<Response> {
  const listing = await downloads.list(folder, search.get("after") ?? "");
  if (search.get("format") === "json" || prefersJson(request.headers.get("accept"))) {
    const path = [...folder.names, ""].join("/");
    return Response.json({ path: `/${path}`, ...listing }, { headers: jsonHeaders });
  }
  return new Response(renderFolderPage(folder.names, listing), { headers: folderPageHeaders });
}

const jsonHeaders = {
  "content-type": "application/json;charset=utf-8",
  "cache-control": "no-cache",
  "x-content-type-options": "nosniff",
  vary: "Accept",
};

/** True when the field gives JSON a weight above that of HTML: browsers ask for HTML by name. */
function prefersJson(accept: string | null): boolean {
  if (accept === null) return false;
  return toWeight(accept, "application/json") > toWeight(accept, "text/html");
}

/** The weight of a media type by RFC 9110, section 12.5.1: the most specific range decides. */
function toWeight(accept: string, type: string): number {
  const ranges = new Map<string, number>();
  for (const part of accept.toLowerCase().split(",")) {
    const [range = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    ranges.set(range, weight === undefined ? 1 : Number(weight.slice(2)) || 0);
  }
  const family = `${type.split("/")[0]}/*`;
  return ranges.get(type) ?? ranges.get(family) ?? ranges.get("*/*") ?? 0;
}
