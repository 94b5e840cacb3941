/** Bundles the web app, the dashboard, the manual's style and the client into a folder of fixed files. */

import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { minify } from "terser";
import { readDeclarations } from "./declarations.ts";

/** Each has a script and a style of its own: who opens one loads nothing of the others. */
const pages = ["index.html", "dashboard.html", "docs.html"];
const emptyScript = /<script [^>]*src="[^"]*\/docs-[^"]*\.js"><\/script>/;

/**
 * Writes `index.html`, `dashboard.html`, `docs.html` and `assets/*` into `outdir`, and deletes
 * assets of earlier builds there. Pages are replaced after their assets are written: whoever reads
 * the folder at the same time finds a whole app.
 * @throws Error when a source does not compile
 */
export async function buildWebApp(outdir: string): Promise<void> {
  const { outputs } = await Bun.build({
    entrypoints: pages.map((page) => join(import.meta.dir, page)),
    target: "browser",
    minify: true,
    sourcemap: "none",
    naming: {
      entry: "[name].[ext]",
      chunk: "assets/[name]-[hash].[ext]",
      asset: "assets/[name]-[hash].[ext]",
    },
  });
  const assets = new Set<string>();
  for (const output of outputs) {
    // The manual's pages have no script, and Bun makes an empty one for them.
    if (output.path.endsWith(".html") || output.size === 0) continue;
    assets.add(basename(output.path));
    await Bun.write(join(outdir, output.path), output);
  }
  for (const output of outputs) {
    if (!output.path.endsWith(".html")) continue;
    const html = (await output.text()).replace(emptyScript, "");
    await Bun.write(join(outdir, output.path), html);
  }
  for (const name of await readdir(join(outdir, "assets"))) {
    if (!assets.has(name)) await rm(join(outdir, "assets", name));
  }
}

/**
 * Writes the client for pages of others into `outdir`, as the one module `client.js`, and its types
 * beside it, where TypeScript looks for them.
 * @throws Error when a source does not compile
 */
export async function buildClient(outdir: string): Promise<void> {
  const client = join(import.meta.dir, "..", "src", "client", "index.ts");
  const { outputs } = await Bun.build({ entrypoints: [client], target: "browser", minify: true });
  for (const output of outputs) {
    // Every page of others loads it: Bun 1.4.5 joins and inlines less, which is 2 % of its size.
    const { code } = await minify(await output.text(), { module: true, compress: { passes: 3 } });
    await Bun.write(join(outdir, "client.js"), code ?? "");
  }
  await Bun.write(join(outdir, "client.d.ts"), await readDeclarations());
}

if (import.meta.main) {
  const folder = join(import.meta.dir, "..", "dist", "web");
  await buildClient(folder);
  await buildWebApp(folder);
}
