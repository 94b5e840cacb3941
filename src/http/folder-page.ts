/** A folder of the download folder as a page: no script, one style sheet inside it. */

import { createHash } from "node:crypto";
import type { Entry, Listing } from "../files/downloads.ts";

/** The tokens are those of the web app, so that both look like one thing. */
const style = `
:root{color-scheme:light dark;--paper:light-dark(#fff,#17181b);--hover:light-dark(#ececef,#212327);
--rule:light-dark(#e4e4e8,#2a2c31);--ink:light-dark(#1c1d21,#e6e6e9);
--muted:light-dark(#63646d,#9b9ca6);--accent:light-dark(#2f55c8,#94adff)}
*{box-sizing:border-box}
html{font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;background:var(--paper);
color:var(--ink);-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 3rem}
h1{margin:0 0 1.25rem;font-size:1.2rem;font-weight:600;overflow-wrap:anywhere}
a{color:var(--accent);text-decoration:none}
a:hover{text-decoration:underline;text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th{color:var(--muted);font-size:.8rem;font-weight:500;text-align:start}
th,td{padding:.4rem .5rem;border-bottom:1px solid var(--rule);vertical-align:baseline}
td:first-child{overflow-wrap:anywhere}
tbody tr:hover{background:var(--hover)}
.size{text-align:end;white-space:nowrap}
.date{color:var(--muted);font-size:.87rem;text-align:end;white-space:nowrap}
p{color:var(--muted)}
@media(max-width:560px){body{padding:1.25rem .75rem}.date{display:none}}
`;

const styleHash = createHash("sha256").update(style).digest("base64");

export const folderPageHeaders = {
  "content-type": "text/html;charset=utf-8",
  "cache-control": "no-cache",
  vary: "Accept",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy":
    `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; ` +
    "form-action 'none'; frame-ancestors 'none'",
};

/** Renders one page of a folder; `names` lead to it from the root. All links are relative. */
export function renderFolderPage(names: readonly string[], listing: Listing): string {
  const { entries, more, complete } = listing;
  const rows = entries.map(renderRow);
  if (names.length > 0) {
    rows.unshift('<tr><td><a href="../">Parent folder</a></td><td></td><td></td></tr>');
  }
  const last = entries.at(-1);
  const notes = [
    entries.length === 0 ? "<p>Nothing to download here.</p>" : "",
    more && last ? `<p><a href="?after=${encodeURIComponent(last.url)}">More files</a></p>` : "",
    complete ? "" : "<p>This folder holds too many files; not all of them are listed.</p>",
  ];
  const title = escapeHtml(["Files", ...names].join(" / "));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${style}</style>
<h1 dir="auto">${title}</h1>
<table>
<thead><tr>
<th scope="col">Name<th scope="col" class="size">Size<th scope="col" class="date">Changed
</thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
${notes.join("")}
</html>
`;
}

function renderRow({ name, kind, bytes, modifiedAt, url }: Entry): string {
  const label = escapeHtml(kind === "folder" ? `${name}/` : name);
  const size = kind === "folder" ? "" : `<span title="${bytes} bytes">${toHumanSize(bytes)}</span>`;
  const date = new Date(modifiedAt).toISOString();
  const shown = date.slice(0, 16).replace("T", " ");
  // "./" keeps a name such as "a:b" from being read as a scheme.
  return (
    `<tr><td><a href="./${escapeHtml(url)}" dir="auto">${label}</a></td>` +
    `<td class="size">${size}</td>` +
    `<td class="date"><time datetime="${date}">${shown} UTC</time></td></tr>`
  );
}

/** Bytes as a person reads them, in powers of 1,000 and to two figures or more, as in the app. */
export function toHumanSize(bytes: number): string {
  const units = ["kB", "MB", "GB", "TB", "PB"];
  if (bytes < 1_000) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  let size = bytes / 1_000;
  let unit = 0;
  // 999.5 and above would be shown as 1000 of the smaller unit.
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

function escapeHtml(text: string): string {
  return Bun.escapeHTML(text);
}
