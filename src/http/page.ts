/** What every page of the server itself has in common: where its files are, and what it may do. */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { AnyElysia } from "elysia";
import { answerHeaders } from "./answer-headers.ts";

const common = {
  ...answerHeaders,
  "content-type": "text/html; charset=utf-8",
  // The page may change with the next version; its validator makes asking again cheap.
  "cache-control": "no-cache",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  // Nothing of the kind is asked for. A page that is framed or injected here gets none of it either.
  "permissions-policy":
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), " +
    "serial=(), hid=(), midi=(), accelerometer=(), gyroscope=(), magnetometer=()",
};

const nothingElse = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Headers of the web app. `connect-src 'self'` covers its WebSocket too (CSP level 3). */
export const appHeaders = {
  ...common,
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    `${nothingElse}; require-trusted-types-for 'script'; trusted-types 'none'`,
};

/** Headers of the manual's pages, which run nothing. */
export const manualHeaders = {
  ...common,
  "content-security-policy": `default-src 'none'; style-src 'self'; img-src 'self'; ${nothingElse}`,
};

/**
 * Finds a folder that belongs to the program: `path` below the checkout, or embedded in the
 * executable by `bun build --compile --asset <path>`.
 */
export function programFolder(path: string): string {
  if (!Bun.isStandaloneExecutable) return join(import.meta.dir, "..", "..", path);
  // In the executable all modules lie in one folder. Bun 1.4.5 embeds under the whole path by its
  // JavaScript API, and under the last name of it by its command line.
  const whole = join(import.meta.dir, path);
  return existsSync(whole) ? whole : join(import.meta.dir, basename(path));
}

/**
 * Lists an app's routes that are fixed responses, as Bun takes them: it answers those by itself, with
 * strong validators and 304. Elysia 1.4.30 hands them to Bun only where no `onRequest` hook exists. No
 * hook sees these requests, so they get here what {@link answerHeaders} and `always` say.
 */
export function toStaticRoutes(
  { routes }: AnyElysia,
  always: Readonly<Record<string, string>>,
): Record<string, { GET: Response }> {
  const fixed: Record<string, { GET: Response }> = {};
  for (const { path, method, handler } of routes) {
    if (method !== "GET" || !(handler instanceof Response)) continue;
    for (const [name, value] of Object.entries({ ...answerHeaders, ...always })) {
      if (!handler.headers.has(name)) handler.headers.set(name, value);
    }
    fixed[path] = { GET: handler };
  }
  return fixed;
}
