/** Gathers what flags, environment and file say about each key, and what is wrong with any of it. */

import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  clientVariables,
  flagOf,
  isKeyName,
  type KeyName,
  keyNames,
  keyOf,
  variableOf,
  variablePrefix,
} from "./config-keys.ts";
import type { Value } from "./config-value.ts";

/** Where a value came from; `label` is the flag, the variable or the path of the file. */
export interface Origin {
  readonly place: "flag" | "environment" | "file" | "default";
  readonly label: string;
}

/** One thing that is wrong, as a sentence that names the key, the value and the accepted form. */
export interface Problem {
  readonly place: Origin["place"];
  readonly sentence: string;
}

/** Values that contradict each other; the key to name first stands first. */
export interface Broken {
  readonly keys: readonly KeyName[];
  readonly sentence: string;
}

/** A value that was given and accepted. */
export interface Setting {
  readonly value: Value;
  readonly origin: Origin;
}

/**
 * What the configuration is made of. `flags` by key name, undefined where a flag was not used;
 * `folder` is where relative paths of flags and variables start, and where `partyline.toml` is
 * looked for.
 */
export interface Given {
  readonly flags: Readonly<Partial<Record<KeyName, string | boolean>>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
}

/** Everything that was given: flags win over the environment, which wins over the file. */
export interface Gathered {
  readonly settings: ReadonlyMap<KeyName, Setting>;
  readonly problems: readonly Problem[];
  /** The value of `issuer` in the file, undefined if it has none. */
  readonly issuers: unknown;
  /** The file that was read, or null. */
  readonly file: string | null;
}

const fileBytesMax = 1_048_576;
const shownLengthMax = 80;

/** Gathers all settings. Reads at most one file and throws nothing: what is wrong is a problem. */
export function gatherSettings(given: Given): Gathered {
  const settings = new Map<KeyName, Setting>();
  const problems: Problem[] = [];
  function accept(name: KeyName, raw: unknown, origin: Origin, folder: string): void {
    const { kind } = keyOf(name);
    const value = kind.parse(raw, folder);
    if (value === undefined) {
      problems.push({ place: origin.place, sentence: refuse(name, raw, origin) });
    } else if (!settings.has(name)) {
      settings.set(name, { value, origin });
    }
  }

  for (const name of keyNames) {
    const raw = given.flags[name];
    if (raw !== undefined) accept(name, raw, { place: "flag", label: flagOf(name) }, given.folder);
  }
  for (const name of keyNames) {
    const label = variableOf(name);
    const raw = given.environment[label];
    // An empty variable is how compose files and shells say "unset".
    if (raw) accept(name, raw, { place: "environment", label }, given.folder);
  }
  problems.push(...strangeVariables(given.environment));

  const file = findFile(settings.get("config"), given.folder);
  let issuers: unknown;
  if (file === null) return { settings, problems, issuers, file };
  const { entries, problem } = readFile(file, settings.get("config")?.origin);
  if (problem !== undefined) problems.push({ place: "file", sentence: problem });
  for (const [name, raw] of entries) {
    if (isKeyName(name) && keyOf(name).inFile !== false) {
      accept(name, raw, { place: "file", label: file }, dirname(file));
    } else if (name === "issuer") {
      issuers = raw; // Tables, which no flag can give.
    } else {
      const known = keyNames.filter((key) => keyOf(key).inFile !== false);
      const hint = suggest(name.replaceAll("_", "-"), known);
      problems.push({ place: "file", sentence: `Unknown key ${show(name)} in ${file}${hint}` });
    }
  }
  return { settings, problems, issuers, file };
}

/** Ends a sentence about an unknown name with the nearest known one, if any is near. */
export function suggest(name: string, known: readonly string[]): string {
  let nearest: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    // PARTYLINE_REDIS for the variable, redis-url for the key: each is called otherwise.
    const isStart = candidate.startsWith(`${name}_`) || name.startsWith(`${candidate}-`);
    const distance = isStart ? 1 : editDistance(name.slice(0, shownLengthMax), candidate);
    if (distance < least) [least, nearest] = [distance, candidate];
  }
  return nearest === undefined ? "." : `; did you mean ${nearest}?`;
}

/** Shows a foreign value in a sentence: quoted, on one line, and short. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}…` : text;
}

/** Shows the value of a key, unless it is a secret. */
export function showOf(name: KeyName, value: unknown): string {
  return keyOf(name).kind.isSecret ? "(secret)" : show(value);
}

function refuse(name: KeyName, raw: unknown, origin: Origin): string {
  const { kind } = keyOf(name);
  const why = kind.explain?.(raw);
  const shown = `${name} is ${showOf(name, raw)} (${origin.label})`;
  return `${shown}, which is not accepted; give ${kind.accepts}.${why === undefined ? "" : ` ${why}`}`;
}

function strangeVariables(environment: Given["environment"]): Problem[] {
  const known = [...keyNames.map(variableOf), ...clientVariables];
  return Object.keys(environment)
    .filter((name) => name.startsWith(variablePrefix) && !known.includes(name))
    .map((name) => ({
      place: "environment",
      sentence: `Unknown variable ${name} in the environment${suggest(name, known)}`,
    }));
}

/** The file that was named, or the one that lies in the folder, or null. */
function findFile(named: Setting | undefined, folder: string): string | null {
  if (named !== undefined) return String(named.value);
  const usual = resolve(folder, "partyline.toml");
  return statSync(usual, { throwIfNoEntry: false }) === undefined ? null : usual;
}

function readFile(
  file: string,
  origin: Origin | undefined,
): { entries: [string, unknown][]; problem?: string } {
  const named = origin === undefined ? file : `${file} (${origin.label})`;
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > fileBytesMax) {
      return { entries: [], problem: `${named} is larger than ${fileBytesMax} bytes.` };
    }
    text = readFileSync(file, "utf8");
  } catch (error) {
    return { entries: [], problem: `${named} ${whyUnreadable(error)}.` };
  }
  try {
    return { entries: Object.entries(Bun.TOML.parse(text)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^TOML Parse error: /, "") : "";
    return { entries: [], problem: `${named} is not TOML: line ${brokenLine(text)}: ${reason}.` };
  }
}

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "does not exist";
  if (code === "EISDIR") return "is a folder, not a file";
  return code === "EACCES" ? "may not be read by this user" : `cannot be read (${String(code)})`;
}

/**
 * The line on which the first broken statement starts. Bun 1.4.5 does not say where its parser
 * stopped, so this looks for the longest run of whole lines from the top that parses.
 */
function brokenLine(text: string): number {
  const lines = text.split("\n");
  for (let count = lines.length - 1; count > 0; count -= 1) {
    try {
      Bun.TOML.parse(lines.slice(0, count).join("\n"));
      return count + 1;
    } catch {
      // Still broken: the statement starts further up.
    }
  }
  return 1;
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current[column] = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
        row > 1 && column > 1 && swapped ? (before[column - 2] ?? 0) + 1 : Number.MAX_VALUE,
      );
    }
    [before, above] = [above, current];
  }
  return above[right.length] ?? 0;
}
