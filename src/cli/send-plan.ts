/** What `partyline send` is to send, and where. */

import { resolve } from "node:path";
import { durationKind } from "../config-value.ts";
import { assertRoomName } from "../protocol/room-name.ts";
import type { Arguments } from "./command.ts";
import { SetupError } from "./connection-options.ts";
import { optionOf, readOption, UsageError } from "./option.ts";
import type { Terminal } from "./terminal.ts";

/** The most that a server can be set to take as one message. */
const bodyBytesMax = 268_435_456;
const timeoutUsualMs = 30_000;

/** What is to be sent where. */
export interface SendPlan {
  readonly room: string;
  readonly source:
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "input" | "lines" }
    | { readonly kind: "file"; readonly path: string };
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly id: string | undefined;
  readonly username: string | undefined;
  /** Milliseconds for which the server may be away; 0 for any time. */
  readonly timeoutMs: number;
}

/** @throws UsageError when flags contradict each other; invalid_room */
export function readSendPlan(
  { operands, options, switches }: Arguments,
  terminal: Terminal,
): SendPlan {
  const [room, text] = operands;
  const file = optionOf(options, "file");
  const isJson = switches.has("json");
  const isPiped = text === undefined && !terminal.isTyped;
  let source: SendPlan["source"];
  if (switches.has("lines")) {
    if (file !== undefined) throw new UsageError("Give --lines or --file, not both.");
    if (text !== undefined && text !== "-") {
      throw new UsageError("--lines reads standard input; leave the text away.");
    }
    source = { kind: "lines" };
  } else if (file !== undefined) {
    if (text !== undefined) throw new UsageError("Give a text or --file, not both.");
    if (isJson) throw new UsageError("--file sends bytes as they are, so that --json cannot hold.");
    source = { kind: "file", path: file };
  } else if (text === "-" || isPiped) source = { kind: "input" };
  else if (text !== undefined) source = { kind: "text", text };
  else throw new UsageError("What is to be sent? Give a text, - for standard input, or --file.");
  return {
    room: assertRoomName(room),
    source,
    isJson,
    isQuiet: switches.has("quiet"),
    id: optionOf(options, "id"),
    username: optionOf(options, "username"),
    timeoutMs: readOption(options, "timeout", durationKind(86_400_000)) ?? timeoutUsualMs,
  };
}

/**
 * Reads the one message that is to be sent, as JSON text or bytes.
 * @throws SetupError when there is none, or it is not what it is said to be
 */
export async function readContent(
  plan: SendPlan,
  terminal: Terminal,
): Promise<string | Uint8Array> {
  const { source } = plan;
  if (source.kind === "text")
    return JSON.stringify(toContent(source.text, plan.isJson, "The text"));
  if (source.kind === "file") {
    return source.path === "-"
      ? readInput(terminal)
      : readFile(resolve(terminal.folder, source.path));
  }
  const bytes = await readInput(terminal);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SetupError("Standard input is not UTF-8; --file - sends it as bytes.");
  }
  if (text === "") throw new SetupError("Standard input is empty: nothing was sent.");
  // What `echo` puts at its end is not meant.
  return JSON.stringify(toContent(text.replace(/\r?\n$/, ""), plan.isJson, "Standard input"));
}

/** Makes a content of a text. @throws SetupError when `isJson` and it is none */
export function toContent(text: string, isJson: boolean, what: string): unknown {
  if (!isJson) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new SetupError(`${what} is not JSON.`);
  }
}

async function readInput(terminal: Terminal): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of terminal.input()) {
    bytes += piece.length;
    if (bytes > bodyBytesMax) {
      throw new SetupError(`Standard input is over ${bodyBytesMax} bytes; no server takes that.`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function readFile(path: string): Promise<Uint8Array> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new SetupError(`${path} is not a file.`);
  if (file.size > bodyBytesMax) {
    throw new SetupError(`${path} is over ${bodyBytesMax} bytes; no server takes that.`);
  }
  try {
    return await file.bytes();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new SetupError(`${path} cannot be read (${code}).`);
  }
}
