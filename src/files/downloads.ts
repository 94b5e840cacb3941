/** The download folder: resolves inside its root, describes, lists. */

import type { BigIntStats } from "node:fs";
import { access, constants, opendir, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { PartylineError } from "../protocol/errors.ts";
import { toMediaType } from "./media-type.ts";
import { isServedName, parseRequestPath } from "./request-path.ts";

const pageEntriesMax = 1_000;
const folderNamesMax = 10_000;

/** A file that may be sent. */
export interface FoundFile {
  readonly kind: "file";
  readonly name: string;
  /** Where it lies on the disk, free of symbolic links. Never shown to anybody. */
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** A strong validator, in quotes. See {@link toEntityTag} for how strong. */
  readonly etag: string;
}

/** A folder that may be listed. */
export interface FoundFolder {
  readonly kind: "folder";
  /** The names that lead to it from the root; none for the root itself. */
  readonly names: readonly string[];
  readonly path: string;
  /** The address ended with a slash. */
  readonly endsWithSlash: boolean;
}

/** One line of a listing. A folder has 0 bytes and no media type. */
export interface Entry {
  readonly name: string;
  readonly kind: "file" | "folder";
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  readonly mediaType: string | null;
  /** The address below the folder that lists it, percent-encoded; a folder's ends with a slash. */
  readonly url: string;
}

export interface Listing {
  readonly entries: readonly Entry[];
  /** There are entries after these: ask again with `after` as the last one's `url`. */
  readonly more: boolean;
  /** False when the folder holds more names than are ever looked at. */
  readonly complete: boolean;
}

export interface Downloads {
  /**
   * Finds what the raw path of a request names, given from after `/files` on.
   * @throws not_found for whatever may not be served, without telling it from what is not there
   */
  find(rawPath: string): Promise<FoundFile | FoundFolder>;
  /**
   * Lists a folder, folders first, names in the order people count in. Dot-files, links that
   * lead out, sockets and the like are left out. `after` is the `url` of an entry, or "".
   * @throws not_found when the folder went away
   */
  list(folder: FoundFolder, after: string): Promise<Listing>;
}

/**
 * Opens the folder `root` for reading. Nothing is touched before the first request, and the folder
 * may be replaced while it is served.
 *
 * Links are resolved before anything is compared, so a link that leads out of the root, or to a
 * dot-file in it, is not found. Whoever may write to the folder could swap a file for a link in
 * the moment between that check and the opening; guard the folder's permissions accordingly.
 */
export function createDownloads(root: string): Downloads {
  return {
    async find(rawPath) {
      const parsed = parseRequestPath(rawPath);
      const found = parsed && (await resolve(root, parsed.names));
      if (!parsed || !found) throw notFound();
      const { names, endsWithSlash } = parsed;
      const { path, stats } = found;
      if (stats.isDirectory()) return { kind: "folder", names, path, endsWithSlash };
      if (endsWithSlash) throw notFound();
      const bytes = Number(stats.size);
      const modifiedAt = Number(stats.mtimeMs);
      return {
        kind: "file",
        name: names.at(-1) ?? "",
        path,
        bytes,
        modifiedAt,
        etag: toEntityTag(stats),
      };
    },
    async list(folder, after) {
      const { lines, complete } = await readLines(root, folder);
      lines.sort(compareLines);
      const start =
        after === "" ? 0 : lines.findIndex((line) => compareLines(line, toLine(after)) > 0);
      const rest = start === -1 ? [] : lines.slice(start);
      const page = rest.slice(0, pageEntriesMax);
      const entries = await Promise.all(page.map((line) => describe(root, folder, line)));
      return {
        entries: entries.filter((entry) => entry !== null),
        more: rest.length > page.length,
        complete,
      };
    },
  };
}

/** One name of a folder before its file is looked at. */
interface Line {
  readonly name: string;
  readonly kind: "file" | "folder";
}

interface Resolved {
  readonly path: string;
  readonly stats: BigIntStats;
}

function notFound(): PartylineError {
  return new PartylineError("not_found", "There is no such file or folder.");
}

/** Resolves names below the root to a regular file or a folder that can be read; null if none. */
async function resolve(root: string, names: readonly string[]): Promise<Resolved | null> {
  try {
    const realRoot = await realpath(root);
    const path = await realpath(join(realRoot, ...names));
    const inner = relative(realRoot, path);
    // On Windows a path on another drive has no relative form. Elsewhere what lies outside begins
    // with "..", which no served name does.
    if (isAbsolute(inner)) return null;
    if (inner !== "" && !inner.split(sep).every(isServedName)) return null;
    const stats = await stat(path, { bigint: true });
    // Opening a FIFO would wait for a writer, and a device may do anything.
    if (!stats.isFile() && !stats.isDirectory()) return null;
    await access(path, constants.R_OK);
    return { path, stats };
  } catch {
    return null; // missing, unreadable, too long, a loop of links: all the same to the outside
  }
}

/**
 * Changes with the file's identity, size and both of its times. The change time also sees a
 * rewrite whose author put the modification time back. What it cannot see is a rewrite in place,
 * of the same length, within one tick of the kernel's clock (a few milliseconds).
 */
function toEntityTag({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `"${[ino, size, mtimeNs, ctimeNs].map((part) => part.toString(36)).join("-")}"`;
}

async function readLines(root: string, { path, names }: FoundFolder) {
  const lines: Line[] = [];
  const links: string[] = [];
  let seen = 0;
  try {
    for await (const item of await opendir(path)) {
      seen += 1;
      if (seen > folderNamesMax) break;
      if (!isServedName(item.name)) continue;
      if (item.isFile()) lines.push({ name: item.name, kind: "file" });
      else if (item.isDirectory()) lines.push({ name: item.name, kind: "folder" });
      else links.push(item.name); // or a file system that does not tell
    }
  } catch {
    throw notFound();
  }
  for (const name of links) {
    const found = await resolve(root, [...names, name]);
    if (found) lines.push({ name, kind: found.stats.isDirectory() ? "folder" : "file" });
  }
  return { lines, complete: seen <= folderNamesMax };
}

const collator = new Intl.Collator("en", { numeric: true });

function compareLines(one: Line, other: Line): number {
  if (one.kind !== other.kind) return one.kind === "folder" ? -1 : 1;
  const order = collator.compare(one.name, other.name);
  if (order !== 0 || one.name === other.name) return order;
  return one.name < other.name ? -1 : 1; // so that no two names share a place
}

function toLine(url: string): Line {
  const isFolder = url.endsWith("/");
  const encoded = isFolder ? url.slice(0, -1) : url;
  let name = encoded;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    // Any text has a place in the order.
  }
  return { name, kind: isFolder ? "folder" : "file" };
}

/** Null when the file went away or cannot be read. */
async function describe(root: string, { names }: FoundFolder, line: Line): Promise<Entry | null> {
  const { name } = line;
  const found = await resolve(root, [...names, name]);
  if (!found) return null;
  const modifiedAt = Number(found.stats.mtimeMs);
  const url = encodeURIComponent(name);
  if (found.stats.isDirectory()) {
    return { name, kind: "folder", bytes: 0, modifiedAt, mediaType: null, url: `${url}/` };
  }
  const bytes = Number(found.stats.size);
  return { name, kind: "file", bytes, modifiedAt, mediaType: toMediaType(name), url };
}
