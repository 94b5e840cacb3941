/** `GET /client.js`: the client for pages, as one module that any page may import. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Elysia } from "elysia";
import { compressed } from "./compressed.ts";
import { programFolder } from "./page.ts";

const headers = {
  "content-type": "text/javascript; charset=utf-8",
  // It may change with the next version; its validator makes asking again cheap.
  "cache-control": "no-cache",
  // It holds nothing of anybody. What it may reach from a foreign page is the server's to say.
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
};

/**
 * Serves the built client in `folder`, as it was at the start.
 * @throws Error when it was not built
 */
export function clientScript(folder = programFolder("dist/web")) {
  const script = join(folder, "client.js");
  if (!existsSync(script)) {
    throw new Error(
      `The client is not built: ${script} is missing. Run "bun run build:web" first.`,
    );
  }
  const answer = compressed(readFileSync(script), headers);
  return new Elysia({ name: "client-script" }).get(
    "/client.js",
    ({ request }) => answer({ request }),
    { detail: { hide: true } },
  );
}
