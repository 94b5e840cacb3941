/** Bundles the web app and the manual's style into a folder of fixed, hashed files. */

import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";

const emptyScript = /<script [^>]*src="[^"]*\/docs-[^"]*\.js"><\/script>/;

/**
 * Writes `index.html`, `docs.html` and `assets/*` into `outdir`, and deletes assets of earlier
 * builds there. Pages are replaced after their assets are written: whoever reads the folder at the
 * same time finds a whole app.
 * @throws Error when a source does not compile
 */
export async function buildWebApp(outdir: string): Promise<void> {
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, "index.html"), join(import.meta.dir, "docs.html")],
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

if (import.meta.main) await buildWebApp(join(import.meta.dir, "..", "dist", "web"));
