/** Where the server is and who one is there: the flags that all commands of a client have. */

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { ConnectOptions } from "../client/index.ts";
import { show } from "../config-source.ts";
import type { Arguments, OwnOption, OwnSwitch } from "./command.ts";
import { optionOf, UsageError } from "./option.ts";
import type { Terminal } from "./terminal.ts";

const defaultUrl = "http://127.0.0.1:8080";
const urlForm = "an address such as http://127.0.0.1:8080 or https://example.com/partyline";
/** What a header and a subprotocol can carry, and every JWT is made of. */
const tokenPattern = /^[\w.~+/=-]{1,16384}$/;

/** Bun's takes options, which the types of browsers do not know. */
const BunSocket = WebSocket as unknown as new (
  url: string,
  options: Bun.WebSocketOptions,
) => WebSocket;

export const connectionOptions: readonly OwnOption[] = [
  {
    name: "url",
    placeholder: "<url>",
    help: `Where the server is. Default: PARTYLINE_URL, or ${defaultUrl}.`,
  },
  {
    name: "token",
    placeholder: "<token>",
    help: "Who you are; others on this machine may see it. Default: PARTYLINE_TOKEN, or nobody.",
  },
  {
    name: "token-file",
    placeholder: "<path>",
    help: "File with the token, read at each connection. Default: PARTYLINE_TOKEN_FILE.",
  },
  {
    name: "ca",
    placeholder: "<path>",
    help: "Certificates in PEM to trust, such as the server's own, in place of the usual ones.",
  },
];

export const connectionSwitches: readonly OwnSwitch[] = [
  { name: "insecure", help: "Trust any certificate. For trying things out." },
];

/** A server as a client's command reaches it. */
export interface Target {
  /** Its address, without a slash at the end, and without any secret. */
  readonly url: string;
  /** Whose certificates are trusted; empty for the usual ones. */
  readonly tls: { readonly ca?: string; readonly rejectUnauthorized?: false };
  /** What `connect` of the client takes. */
  readonly options: Pick<ConnectOptions, "WebSocket"> & {
    readonly fetch: NonNullable<ConnectOptions["fetch"]>;
    readonly token: () => Promise<string | undefined>;
  };
}

/** Something that a command needs cannot be had; the sentence says what. */
export class SetupError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SetupError";
  }
}

/**
 * Reads where to connect, and as whom. Flags win over the environment.
 * @throws UsageError when a flag or a variable is wrong; it never shows a token
 * @throws SetupError when a file cannot be read, or holds no token
 */
export function readTarget({ options, switches }: Arguments, terminal: Terminal): Target {
  const { environment } = terminal;
  const flag = optionOf(options, "url");
  const url = readUrl(
    flag ?? (environment.PARTYLINE_URL || defaultUrl),
    flag === undefined ? "PARTYLINE_URL" : "--url",
  );
  const token = readToken(options, terminal);
  const ca = optionOf(options, "ca");
  const isInsecure = switches.has("insecure");
  if (isInsecure && ca !== undefined) throw new UsageError("Give --ca or --insecure, not both.");
  if (isInsecure) {
    terminal.complain(
      "Warning: --insecure trusts any certificate. Whoever is on the way can read and change all " +
        "of this, and take the token.\n",
    );
  }
  if (ca === undefined && !isInsecure) return { url, tls: {}, options: { token, fetch } };
  const tls: Target["tls"] = isInsecure
    ? { rejectUnauthorized: false }
    : { ca: readCertificates(resolve(terminal.folder, ca ?? "")) };
  class TrustingSocket extends BunSocket {
    constructor(address: string, protocols: string[]) {
      super(address, { protocols, tls });
    }
  }
  return {
    url,
    tls,
    options: {
      token,
      fetch: (address, init) => fetch(address, { ...init, tls }),
      WebSocket: TrustingSocket,
    },
  };
}

/**
 * Reads a server's address, without a slash at its end. `place` is where it was given.
 * @throws UsageError when it is none
 */
export function readUrl(given: string, place: string): string {
  const url = URL.parse(given);
  if (url === null || !/^(http|ws)s?:$/.test(url.protocol)) {
    const isOtherScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(given);
    const guess = isOtherScheme ? null : URL.parse(`http://${given}`);
    const hint = guess === null ? "" : `; did you mean ${show(`http://${given}`)}?`;
    const form = hint === "" ? `; give ${urlForm}.` : hint;
    throw new UsageError(`${place} is ${show(given)}, which is not a server's address${form}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError(
      `${place} holds a user or a password, which no server takes; use a token.`,
    );
  }
  if (url.search !== "" || url.hash !== "") {
    throw new UsageError(`${place} holds a query or a fragment; give ${urlForm}.`);
  }
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.protocol.replace("ws", "http")}//${url.host}${path}`;
}

function readToken(options: Arguments["options"], terminal: Terminal): Target["options"]["token"] {
  const { environment, folder } = terminal;
  const [text, file] = [optionOf(options, "token"), optionOf(options, "token-file")];
  if (text !== undefined && file !== undefined) {
    throw new UsageError("Give --token or --token-file, not both.");
  }
  const isFlag = text !== undefined || file !== undefined;
  const token = isFlag ? text : environment.PARTYLINE_TOKEN;
  if (token) {
    const place = isFlag ? "--token" : "PARTYLINE_TOKEN";
    const kept = assertToken(token, place, UsageError);
    return async () => kept;
  }
  const path = isFlag ? file : environment.PARTYLINE_TOKEN_FILE;
  if (!path) return async () => undefined;
  const full = resolve(folder, path);
  assertToken(
    attempt(full, () => readFileSync(full, "utf8")),
    full,
    SetupError,
  );
  // Read again at each connection: tokens run out, and something puts a new one there.
  return async () => assertToken(await readFile(full, "utf8"), full, SetupError);
}

function assertToken(
  given: string,
  place: string,
  Refusal: typeof UsageError | typeof SetupError,
): string {
  const token = given.trim();
  if (tokenPattern.test(token)) return token;
  throw new Refusal(
    `${place} holds no token: a token is one word of the signs A-Z a-z 0-9 . - _ ~ + / =`,
  );
}

function readCertificates(path: string): string {
  const text = attempt(path, () => readFileSync(path, "utf8"));
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new SetupError(`${path} (--ca) holds no certificate in PEM.`);
}

/** @throws SetupError that names the file */
function attempt(path: string, read: () => string): string {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const reason = code === "ENOENT" ? "does not exist" : `cannot be read (${String(code)})`;
    throw new SetupError(`${path} ${reason}.`);
  }
}
