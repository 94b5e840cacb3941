/** `GET /client.js`: the client, as one module that any page may import; and its types. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Elysia } from "elysia";
import { compressed } from "./compressed.ts";
import { programFolder } from "./page.ts";

const types = {
  "client.js": "text/javascript; charset=utf-8",
  // A browser has no use for it: it is shown, and fetched by whoever writes TypeScript.
  "client.d.ts": "text/plain; charset=utf-8",
};

const headers = {
  // It may change with the next version; its validator makes asking again cheap.
  "cache-control": "no-cache",
  // It holds nothing of anybody. What it may reach from a foreign page is the server's to say.
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
};

/**
 * Serves the built client in `folder`, and `client.d.ts` beside it, as they were at the start.
 * @throws Error when it was not built
 */
export function clientScript(folder = programFolder("dist/web")) {
  return new Elysia({ name: "client-script" })
    .get("/client.js", answerWith(folder, "client.js"), { detail: { hide: true } })
    .get("/client.d.ts", answerWith(folder, "client.d.ts"), { detail: { hide: true } });
}

function answerWith(folder: string, name: keyof typeof types) {
  const path = join(folder, name);
  if (!existsSync(path)) {
    throw new Error(`The client is not built: ${path} is missing. Run "bun run build:web" first.`);
  }
  const answer = compressed(readFileSync(path), { ...headers, "content-type": types[name] });
  return ({ request }: { request: Request }) => answer({ request });
}
