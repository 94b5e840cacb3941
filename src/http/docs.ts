/** `GET /docs`: the manual, rendered once from `public/docs/*.md` when the server starts. */

import { readdirSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { Elysia } from "elysia";
import { manualHeaders, programFolder } from "./page.ts";

/** A page of the manual. `summary` is its first paragraph as HTML. */
interface ManualPage {
  readonly name: string;
  readonly markdown: string;
  readonly title: string;
  readonly summary: string;
  readonly html: string;
}

/** How a page reaches the others: relative, so that the manual works behind a path prefix. */
interface Place {
  readonly root: string;
  readonly pages: string;
}

/** For whom the pages are, from those who use a server to those who change it. Others come behind. */
const readingOrder = [
  ...["client", "command-line", "protocol", "tokens", "configuration", "limits"],
  ...["operations", "scaling", "storage", "metrics", "dashboard", "conformance", "architecture"],
];
const indexPlace: Place = { root: "./", pages: "docs/" };
const pagePlace: Place = { root: "../", pages: "" };
const markdownOptions = {
  headings: true,
  autolinks: { url: true },
  noHtmlBlocks: true,
  noHtmlSpans: true,
};
/** The headers of what lies beside the pages, by the end of its name. */
const enclosures: Readonly<Record<string, Record<string, string>>> = {
  ".png": { "content-type": "image/png", "cache-control": "public, max-age=86400" },
  ".json": { ...manualHeaders, "content-type": "application/json" },
};
const detail = { hide: true };

/**
 * Serves the manual: `/docs` lists its pages, `/docs/<name>` is a page, `/docs/<name>.md` its
 * source; pictures and files to import lie beside them. `folder` holds the pages, `webFolder` the
 * built web app, whose style they share.
 * @throws Error when the web app was not built
 */
export function docs(folder = programFolder("public/docs"), webFolder = programFolder("dist/web")) {
  const template = readFileSync(join(webFolder, "docs.html"), "utf8");
  const names = readdirSync(folder).sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
  const pages = names.flatMap((name) => (name.endsWith(".md") ? [readPage(folder, name)] : []));
  const app = new Elysia({ name: "docs" });
  const index = fill(template, pages, undefined, indexPlace, renderIndex(pages));
  app.get(
    "/docs",
    // Not a static route: Elysia takes "/docs/" for it, where relative links start too deep.
    ({ request }) =>
      new URL(request.url).pathname.endsWith("/")
        ? new Response(null, { status: 308, headers: { location: "../docs" } })
        : new Response(index, { headers: manualHeaders }),
    { detail },
  );
  for (const { name, html, markdown } of pages) {
    const page = fill(template, pages, name, pagePlace, html);
    app.get(`/docs/${name}`, new Response(page, { headers: manualHeaders }), { detail });
    const headers = { ...manualHeaders, "content-type": "text/markdown; charset=utf-8" };
    app.get(`/docs/${name}.md`, new Response(markdown, { headers }), { detail });
  }
  for (const name of names) {
    const headers = enclosures[extname(name)];
    if (headers === undefined) continue;
    const enclosure = new Response(readFileSync(join(folder, name)), { headers });
    app.get(`/docs/${name}`, enclosure, { detail });
  }
  return app;
}

function readPage(folder: string, file: string): ManualPage {
  const markdown = readFileSync(join(folder, file), "utf8");
  const html = Bun.markdown
    .html(markdown, markdownOptions)
    // Wide tables scroll by themselves, not the whole page. No table stands inside another.
    .replaceAll("<table>", '<div class="wide" tabindex="0"><table>')
    .replaceAll("</table>", "</table></div>")
    // Bun 1.4.5 leaves underscores out of the id of a heading; a problem's `type` has them.
    .replace(/ id="[a-z]+"><a href="#[a-z]+">([a-z]+_[a-z]+)</g, ' id="$1"><a href="#$1">$1<')
    // Pages link to each other's source, so that the links also work where the source is read.
    .replace(/href="([a-z0-9-]+)\.md(#[^"]*)?"/g, 'href="$1$2"');
  const name = basename(file, ".md");
  const title = /<h1[^>]*>(.*?)<\/h1>/s.exec(html)?.[1]?.replace(/<[^>]+>/g, "") ?? name;
  const summary = /<p>(.*?)<\/p>/s.exec(html)?.[1]?.replace(/<\/?a\b[^>]*>/g, "") ?? "";
  return { name, markdown, title, summary, html };
}

function renderIndex(pages: readonly ManualPage[]): string {
  const items = pages.map(({ name, title, summary }) => {
    return `<h2><a href="${indexPlace.pages}${name}">${title}</a></h2><p>${summary}</p>`;
  });
  return `<h1>Manual</h1>${items.join("")}`;
}

function rankOf(file: string): number {
  const rank = readingOrder.indexOf(basename(file, ".md"));
  return rank < 0 ? readingOrder.length : rank;
}

function fill(
  template: string,
  pages: readonly ManualPage[],
  current: string | undefined,
  place: Place,
  body: string,
): string {
  const links = pages.map(({ name, title }) => {
    const mark = name === current ? ' aria-current="page"' : "";
    return `<li><a href="${place.pages}${name}"${mark}>${title}</a></li>`;
  });
  const title = pages.find(({ name }) => name === current)?.title ?? "Manual";
  // By function, since a text with "$&" would otherwise mean something to replaceAll.
  return template
    .replaceAll('"./assets/', () => `"${place.root}assets/`)
    .replaceAll("{title}", () => title)
    .replaceAll("{home}", () => place.root)
    .replaceAll("{pages}", () => links.join(""))
    .replaceAll("{body}", () => body);
}
