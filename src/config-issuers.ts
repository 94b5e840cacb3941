/** The `[[issuer]]` tables of `partyline.toml`, and what they have in common with the token flags. */

import { dirname } from "node:path";
import type { IssuerSettings, KeyPlace } from "./auth/issuer.ts";
import { toSecret } from "./auth/secret.ts";
import type { KeyName, Settings } from "./config-keys.ts";
import { type Broken, type Problem, show, suggest } from "./config-source.ts";
import { issuerTextKind, jwksUrlKind, type Kind, pathKind, secretKind } from "./config-value.ts";

/** One issuer as it is written: one of the first four, the others null. Paths are absolute. */
export interface IssuerTable {
  readonly secret: string | null;
  readonly "secret-file": string | null;
  readonly "public-key": string | null;
  readonly "jwks-url": string | null;
  readonly issuer: string | null;
  readonly audience: string | null;
}

const kinds: { readonly [Name in keyof IssuerTable]: Kind<string> } = {
  secret: secretKind,
  "secret-file": pathKind,
  "public-key": pathKind,
  "jwks-url": jwksUrlKind,
  issuer: issuerTextKind,
  audience: issuerTextKind,
};
const keyNames = ["secret", "secret-file", "public-key", "jwks-url"] as const;
const tablesMax = 32;

/**
 * Reads the value of `issuer` in a file, undefined where it has none. Relative paths start in the
 * file's folder.
 */
export function readIssuerTables(
  raw: unknown,
  file: string | null,
): { readonly tables: readonly IssuerTable[]; readonly problems: readonly Problem[] } {
  if (raw === undefined || file === null) return { tables: [], problems: [] };
  if (!Array.isArray(raw) || raw.length > tablesMax || !raw.every(isTable)) {
    const sentence = `issuer in ${file} is not accepted; give at most ${tablesMax} tables, each [[issuer]].`;
    return { tables: [], problems: [{ place: "file", sentence }] };
  }
  const sentences: string[] = [];
  const tables = raw.map((given, index) => {
    return readTable(given, `[[issuer]] ${index + 1} in ${file}`, dirname(file), sentences);
  });
  return { tables, problems: sentences.map((sentence) => ({ place: "file", sentence })) };
}

function readTable(given: object, place: string, folder: string, problems: string[]): IssuerTable {
  const table = { ...emptyTable };
  const before = problems.length;
  for (const [name, value] of Object.entries(given)) {
    if (!isName(name)) {
      problems.push(`Unknown key ${show(name)} in ${place}${suggest(name, names)}`);
      continue;
    }
    const kind = kinds[name];
    const parsed = kind.parse(value, folder);
    const shown = kind.isSecret ? "(secret)" : show(value);
    if (parsed !== undefined) table[name] = parsed;
    else
      problems.push(
        `${name} is ${shown} in ${place}, which is not accepted; give ${kind.accepts}.`,
      );
  }
  if (problems.length === before && keysOf(table).length !== 1) {
    problems.push(`${place} needs one key: give one of ${keyNames.join(", ")}.`);
  }
  return table;
}

/** What the token flags say of one issuer, which stands before those of the tables. */
export function flagTable(settings: Settings): IssuerTable {
  return {
    secret: settings["token-secret"],
    "secret-file": settings["token-secret-file"],
    "public-key": settings["token-public-key"],
    "jwks-url": settings["token-jwks-url"],
    issuer: settings["token-issuer"],
    audience: settings["token-audience"],
  };
}

/** Tells whether the token flags contradict each other. */
export function conflictOfKeys(settings: Settings): Broken | undefined {
  const table = flagTable(settings);
  const [first, ...others] = keysOf(table).map(toFlag);
  if (first !== undefined) {
    const beside = others.join(" and ");
    const sentence = `stands beside ${beside}; give one of them, or [[issuer]] tables in the file.`;
    return others.length === 0 ? undefined : { keys: [first], sentence };
  }
  const lonely = (["issuer", "audience"] as const).find((name) => table[name] !== null);
  if (lonely === undefined) return undefined;
  return { keys: [toFlag(lonely)], sentence: "needs a key beside it, such as token-secret-file." };
}

/** Tells whether it is unclear whose key goes with a token. */
export function conflictOfIssuers(issuers: readonly IssuerSettings[]): Broken | undefined {
  if (issuers.length < 2 || issuers.every(({ issuer }) => issuer !== null)) return undefined;
  const sentence =
    "is needed for each of several issuers, as token-issuer or as issuer in an [[issuer]] table: " +
    "it tells whose key goes with a token.";
  return { keys: ["token-issuer"], sentence };
}

function toFlag(name: keyof IssuerTable): KeyName {
  return `token-${name}`;
}

/** A table in which nothing is set. */
const emptyTable: IssuerTable & { [Name in keyof IssuerTable]: string | null } = {
  secret: null,
  "secret-file": null,
  "public-key": null,
  "jwks-url": null,
  issuer: null,
  audience: null,
};

/** The keys that are set in a table, of which there should be one. */
function keysOf(table: IssuerTable): readonly (keyof IssuerTable)[] {
  return keyNames.filter((name) => table[name] !== null);
}

/** What a table means; undefined where it has no key. */
export function toIssuer(table: IssuerTable): IssuerSettings | undefined {
  const key = toKeyPlace(table);
  return key === undefined
    ? undefined
    : Object.freeze({ key, issuer: table.issuer, audience: table.audience });
}

/** Writes a table as TOML, its secret as `(secret)`. Ends without a line break. */
export function formatIssuerTable(table: IssuerTable): string {
  const lines = names.flatMap((name) => {
    const value = table[name];
    return value === null ? [] : [`${name} = ${kinds[name].format(value)}`];
  });
  return `[[issuer]]\n${lines.join("\n")}`;
}

const names = Object.keys(kinds).filter(isName);

function isName(name: string): name is keyof IssuerTable {
  return Object.hasOwn(kinds, name);
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toKeyPlace(table: IssuerTable): KeyPlace | undefined {
  const secret = table.secret === null ? undefined : toSecret(table.secret);
  if (secret !== undefined) return { kind: "secret", secret };
  if (table["secret-file"] !== null) return { kind: "secret-file", path: table["secret-file"] };
  if (table["public-key"] !== null) return { kind: "public-key", path: table["public-key"] };
  return table["jwks-url"] === null ? undefined : { kind: "jwks-url", url: table["jwks-url"] };
}
