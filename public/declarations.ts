/** What the client offers, as one file of declarations that any TypeScript takes, out of its sources. */

import { join } from "node:path";
import { errorTable } from "../src/protocol/errors.ts";

const sources = join(import.meta.dir, "..", "src");
const comment = String.raw`\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n`;
const lineErrorClass = `export declare class LineError extends Error {
  override readonly name: "LineError";
  readonly code: ErrorCode | "closed";
  readonly retryAfterMs: number | undefined;
  constructor(code: ErrorCode | "closed", message: string, retryAfterMs?: number);
  /** Whether it may go by itself. */
  get passes(): boolean;
}
`;

/**
 * Reads the text of `client.d.ts`. Our own sources cannot stand in for it: they are checked by the
 * rules of whoever imports them, and name each other as `.ts`, which most rules refuse.
 * @throws Error when a source has not what is looked for
 */
export async function readDeclarations(): Promise<string> {
  const [contract, frame, lineError, index] = await Promise.all(
    ["client/contract.ts", "protocol/frame.ts", "client/line-error.ts", "client/index.ts"].map(
      (path) => Bun.file(join(sources, path)).text(),
    ),
  );
  const toInterface = (name: string) => String.raw`export interface ${name} \{[\s\S]*?\n\}\n`;
  const gap = find(frame, toInterface("GapFrame")).replace("GapFrame", "Gap");
  const connect = find(index, String.raw`${comment}export function connect\([^)]*\): Line(?= \{)`)
    .replace("function", "declare function")
    .replace(": ConnectOptions = {}", "?: ConnectOptions");
  return [
    '/// <reference lib="esnext.disposable" />\n',
    contract?.replaceAll(/^import .*;\n+/gm, "").replace("export type Gap = GapFrame;\n", gap),
    find(frame, comment + toInterface("Member")),
    find(frame, comment + toInterface("Sender")),
    "/** Why the server refuses: its manual has a table of them. */",
    `export type ErrorCode = ${Object.keys(errorTable)
      .map((code) => `"${code}"`)
      .join(" | ")};\n`,
    find(lineError, `${comment}(?=export class LineError)`) + lineErrorClass,
    `${connect};\n`,
  ].join("\n");
}

function find(text = "", pattern: string): string {
  const [found] = new RegExp(pattern).exec(text) ?? [];
  if (found === undefined) throw new Error(`No source of the client has ${pattern} any more.`);
  return found;
}
