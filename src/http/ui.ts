/** `GET /`, `/dashboard`: the web app, most of it as static routes that Bun answers by itself. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { staticPlugin } from "@elysiajs/static";
import { Elysia } from "elysia";
import { compressed } from "./compressed.ts";
import { appHeaders, programFolder } from "./page.ts";

const iconPattern = /href="\.\/(assets\/icon-[^"]+\.svg)"/;

/**
 * Serves the built web app in `folder`: the page at `/`, the dashboard, their assets under `/assets`, the
 * icon. The dashboard is for everybody, as it holds nothing: what it shows it asks for with a token.
 * Only files that are there now are ever served, each by its own route: no path of a request is
 * looked up on a disk.
 * @throws Error when the web app was not built
 */
export async function ui(folder = programFolder("dist/web")) {
  const page = join(folder, "index.html");
  if (!existsSync(page)) {
    throw new Error(`The web app is not built: ${page} is missing. Run "bun run build:web" first.`);
  }
  const html = readFileSync(page, "utf8");
  const icon = iconPattern.exec(html)?.[1];
  const detail = { hide: true };
  const dashboard = readFileSync(join(folder, "dashboard.html"), "utf8");
  const app = new Elysia({ name: "ui" })
    .get("/", new Response(html, { headers: appHeaders }), { detail })
    .get(
      "/dashboard",
      // Not a static route: Elysia takes "/dashboard/" for it, where relative links start too deep.
      ({ request }) =>
        new URL(request.url).pathname.endsWith("/")
          ? new Response(null, { status: 308, headers: { location: "../dashboard" } })
          : new Response(dashboard, { headers: appHeaders }),
      { detail },
    );
  if (icon !== undefined) {
    // What browsers ask for on their own, where a page names no icon.
    const headers = { "content-type": "image/svg+xml", "cache-control": "public, max-age=86400" };
    const response = new Response(readFileSync(join(folder, icon)), { headers });
    app.get("/favicon.ico", response, { detail });
  }
  const assets = await staticPlugin({
    assets: join(folder, "assets"),
    prefix: "/assets",
    alwaysStatic: true, // one route a file; otherwise paths would be looked up on each request
    etag: false, // Bun's static routes have strong ones of their own
    indexHTML: false,
    headers: {
      // A changed file has another name.
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
    },
  });
  for (const { path, handler } of assets.routes) {
    if (!(handler instanceof Response)) continue;
    const bytes = await handler.bytes();
    if (/\.(js|css)$/.test(path)) {
      const answer = compressed(bytes, Object.fromEntries(handler.headers));
      app.get(path, ({ request }) => answer({ request }), { detail });
      continue;
    }
    // Bun 1.4.5 gives a static response a strong ETag when it holds bytes, and only a date when it
    // holds a file on disk.
    app.get(path, new Response(bytes, { headers: handler.headers }), { detail });
  }
  return app;
}
