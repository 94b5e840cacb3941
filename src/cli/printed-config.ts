/** Writes the effective configuration as TOML that gives the same configuration when it is read. */

import type { Effective } from "../config.ts";
import { deriveUnset } from "../config-derived.ts";
import { formatIssuerTable } from "../config-issuers.ts";
import { keyNames, keyOf } from "../config-keys.ts";
import { version } from "../version.ts";

/**
 * Writes one line a key, each with where its value came from, and the tables of the file. What holds
 * only because a key is not set stands in a comment, since it may be another one elsewhere. Secrets are
 * written as `(secret)`, which is refused when it is read. Ends with a line break.
 */
export function printConfig({ config, settings, origins, tables, file }: Effective): string {
  const derived = deriveUnset(config);
  const rows = keyNames
    .filter((name) => keyOf(name).inFile !== false)
    .map((name) => {
      const { kind } = keyOf(name);
      const value = settings[name];
      if (value !== null) {
        return { text: `${name} = ${kind.format(value)}`, from: origins.get(name)?.label ?? "" };
      }
      const held = derived.get(name);
      if (held === undefined) return { text: `# ${name} is not set`, from: "" };
      return { text: `# ${name} = ${kind.format(held.value)}`, from: `not set: ${held.from}` };
    });
  const width = Math.max(...rows.map(({ text }) => text.length));
  const lines = rows.map(({ text, from }) =>
    from === "" ? text : `${text.padEnd(width)}  # ${oneLine(from)}`,
  );
  const source = file === null ? "No file was read." : `File: ${oneLine(file)}`;
  const text = [lines.join("\n"), ...tables.map(formatIssuerTable)].join("\n\n");
  return `# Partyline ${version}, effective configuration. ${source}\n${text}\n`;
}

/** A path may hold a line break, which would end a TOML comment. */
function oneLine(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
