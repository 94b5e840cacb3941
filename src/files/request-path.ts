/** The path of a request → names of files and folders, decoded once and strictly. */

/** Which names of the download folder a path spells. The folder itself has none. */
export interface RequestPath {
  readonly names: readonly string[];
  /** The path ends with a slash, as the address of a folder does. */
  readonly endsWithSlash: boolean;
}

const nameBytesMax = 255;
const namesMax = 64;
const encoder = new TextEncoder();

/**
 * Reads what follows `/files` in the raw path of a request: empty, or from its first slash on.
 * Returns null for whatever could be read as something else than plain names: an empty name, a
 * name that begins with a dot (so also `..`), a slash or backslash that was percent-encoded, NUL,
 * broken percent-encoding or UTF-8. Decodes once: `%252e` is a file called `%2e`.
 */
export function parseRequestPath(raw: string): RequestPath | null {
  if (raw === "" || raw === "/") return { names: [], endsWithSlash: raw === "/" };
  if (!raw.startsWith("/")) return null;
  const endsWithSlash = raw.endsWith("/");
  const parts = raw.slice(1, endsWithSlash ? -1 : undefined).split("/", namesMax + 1);
  if (parts.length > namesMax) return null;
  const names: string[] = [];
  for (const part of parts) {
    const name = decode(part);
    if (name === null || !isServedName(name)) return null;
    names.push(name);
  }
  return { names, endsWithSlash };
}

/** Tells whether a file or folder of this name is shown at all. Dot-files are not. */
export function isServedName(name: string): boolean {
  if (name === "" || name.startsWith(".") || /[/\\\0]/.test(name)) return false;
  // On Windows a colon names a second stream of the same file.
  if (process.platform === "win32" && name.includes(":")) return false;
  return name.isWellFormed() && encoder.encode(name).length <= nameBytesMax;
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null; // not percent-encoded UTF-8: no name at all
  }
}
