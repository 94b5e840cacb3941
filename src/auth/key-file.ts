/** Files with keys: read in one bounded gulp, with a warning where others may read them too. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { KeyError } from "./key-error.ts";
import { type Secret, secretBytesMax, secretBytesMin, toSecret } from "./secret.ts";

const fileBytesMax = 262_144;

/** What a key file holds. `warning` is a sentence, or null. */
export interface KeyFile {
  readonly bytes: Uint8Array;
  readonly warning: string | null;
}

/**
 * Reads a file with a key. `name` says in sentences what it is for. A secret one that its group or
 * everybody may read comes with a warning; Windows keeps that elsewhere and is not asked.
 * @throws KeyError
 */
export function readKeyFile(path: string, name: string, isSecret: boolean): KeyFile {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const stats = fstatSync(file);
    if (stats.isDirectory()) throw new KeyError(`${path} (${name}) is a folder, not a file.`);
    const buffer = new Uint8Array(fileBytesMax + 1);
    // Not a single read: a pipe, as shells make for <(…), gives its bytes in pieces.
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      count = readSync(file, buffer, length, buffer.length - length, null);
    }
    if (length > fileBytesMax) {
      throw new KeyError(`${path} (${name}) is larger than ${fileBytesMax} bytes.`);
    }
    const isOpen = isSecret && stats.isFile() && process.platform !== "win32";
    const warning = isOpen && (stats.mode & 0o044) !== 0 ? warn(path, name) : null;
    return { bytes: buffer.slice(0, length), warning };
  } catch (error) {
    if (error instanceof KeyError) throw error;
    throw new KeyError(`${path} (${name}) ${whyUnreadable(error)}.`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Reads a secret: all bytes of the file but one line break at its end. @throws KeyError */
export function readSecretFile(
  path: string,
  name: string,
): { readonly secret: Secret; readonly warning: string | null } {
  const { bytes, warning } = readKeyFile(path, name, true);
  let end = bytes.length;
  if (bytes[end - 1] === 0x0a) end -= bytes[end - 2] === 0x0d ? 2 : 1;
  const secret = toSecret(bytes.slice(0, end));
  if (secret !== undefined) return { secret, warning };
  throw new KeyError(
    `${path} (${name}) holds a secret of ${end} bytes; it must have ${secretBytesMin} to ` +
      `${secretBytesMax}, for example from: openssl rand -base64 48`,
  );
}

function warn(path: string, name: string): string {
  return `${path} (${name}) can be read by other users of this machine; try: chmod 600 ${path}`;
}

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "does not exist";
  return code === "EACCES" ? "may not be read by this user" : `cannot be read (${String(code)})`;
}
