/**
 * The one table of configuration keys. Flags, variables, TOML keys, the help, `--print-config` and
 * the manual's table all derive from it.
 */

import { limitKeys } from "./config-limit-keys.ts";
import { redisKeys } from "./config-redis-keys.ts";
import {
  anonymousKind,
  choiceKind,
  countKind,
  durationKind,
  hostKind,
  issuerTextKind,
  jwksUrlKind,
  type Kind,
  originsKind,
  pathKind,
  secretKind,
  sizeKind,
  switchKind,
  type Value,
} from "./config-value.ts";

/** One row: `default` in the form a person would write, null where the key may stay unset. */
export interface Key<Kept extends Value = Value> {
  readonly kind: Kind<Kept>;
  readonly default: string | null;
  /** What an unset key means, for people. */
  readonly unset?: string;
  readonly help: string;
  /** The environment variable, where it is not the usual one. */
  readonly variable?: string;
  /** False for the key that names the file itself. */
  readonly inFile?: false;
}

const gibibyte = 1_073_741_824;
const tenYearsMs = 3_650 * 86_400_000;
const twoYearsMs = 730 * 86_400_000;

export const configKeys = {
  config: {
    kind: pathKind,
    default: null,
    unset: "./partyline.toml, if it exists",
    help: "File with the configuration, in TOML.",
    inFile: false,
  },
  host: { kind: hostKind, default: "127.0.0.1", help: "Address to listen on." },
  port: {
    kind: countKind("<port>", 0, 65_535),
    default: "8080",
    help: "Port to listen on; 0 takes any that is free.",
  },
  data: {
    kind: pathKind,
    default: "./data",
    help: "Folder in which everything is kept; made if it is not there.",
  },
  files: {
    kind: pathKind,
    default: null,
    unset: "files inside the data folder",
    help: "Folder whose files can be downloaded below /files/.",
  },
  durability: {
    kind: choiceKind(["process", "power", "memory"]),
    default: "process",
    help: "What stored messages survive: process (its end), power (a cut), memory (neither).",
  },
  anonymous: {
    kind: anonymousKind,
    default: null,
    unset: "write without a key, none with one",
    help: "What people without a token may do; without a key, needed beyond this machine.",
  },
  "token-secret": {
    kind: secretKind,
    default: null,
    unset: "no secret",
    help: "Secret that tokens are signed with (HS256, HS384, HS512); a file is safer.",
  },
  "token-secret-file": {
    kind: pathKind,
    default: null,
    unset: "no secret",
    help: "File with that secret; a line break at its end does not count.",
  },
  "token-public-key": {
    kind: pathKind,
    default: null,
    unset: "no public key",
    help: "Public key that tokens are verified with: PEM, a JWK, or a JWK set.",
  },
  "token-jwks-url": {
    kind: jwksUrlKind,
    default: null,
    unset: "no URL",
    help: "URL where the issuer of tokens publishes its keys.",
  },
  "token-issuer": {
    kind: issuerTextKind,
    default: null,
    unset: "any issuer",
    help: "What a token's iss must be.",
  },
  "token-audience": {
    kind: issuerTextKind,
    default: null,
    unset: "only tokens without one",
    help: "What a token's aud must name.",
  },
  "token-leeway": {
    kind: durationKind(300_000),
    default: "5s",
    help: "How much the clocks of issuers may differ from this one.",
  },
  "allow-origin": {
    kind: originsKind,
    default: null,
    unset: "only pages of this server",
    help: "Pages of other origins that may connect; may be given several times.",
  },
  "tls-cert": {
    kind: pathKind,
    default: null,
    unset: "no TLS",
    help: "Certificate chain in PEM, for HTTPS and HTTP/2.",
  },
  "tls-key": {
    kind: pathKind,
    default: null,
    unset: "no TLS",
    help: "Private key of that certificate, in PEM.",
  },
  "tls-self-signed": {
    kind: switchKind,
    default: "false",
    help: "Make a certificate for development and print its fingerprint.",
  },
  "tls-min-version": {
    kind: choiceKind(["1.2", "1.3"]),
    default: "1.2",
    help: "Oldest version of TLS that is spoken.",
  },
  "tls-client-ca": {
    kind: pathKind,
    default: null,
    unset: "no client certificates",
    help: "Authorities in PEM; only clients with a certificate of theirs may connect.",
  },
  hsts: {
    kind: durationKind(twoYearsMs),
    default: "0",
    help: "Time for which browsers that were here insist on TLS; 0 leaves it to them.",
  },
  http3: {
    kind: switchKind,
    default: "false",
    help: "Speak HTTP/3 too, on the same port over UDP; experimental, needs TLS.",
  },
  "retention-messages": {
    kind: countKind("<count>", 0, 1_000_000_000),
    default: "10000",
    help: "Messages kept per room; 0 means no such bound.",
  },
  "retention-age": {
    kind: durationKind(tenYearsMs),
    default: "7d",
    help: "Age after which messages are forgotten; 0 means never.",
  },
  "retention-bytes": {
    kind: sizeKind(0, 1_024 * gibibyte),
    default: "64MiB",
    help: "Bytes of messages kept per room; 0 means no such bound.",
  },
  "frame-bytes-max": {
    kind: sizeKind(1_024, gibibyte / 4),
    default: "1MiB",
    help: "Largest WebSocket message, and body of an HTTP publish.",
  },
  "queue-bytes-max": {
    kind: sizeKind(1_024, gibibyte),
    default: "4MiB",
    help: "Bytes that may wait for one slow reader before its connection is cut.",
  },
  ...redisKeys,
  ...limitKeys,
  metrics: {
    kind: choiceKind(["open", "admin"]),
    default: null,
    unset: "open without a key, admin with one",
    help: "Who may read /metrics: open (everybody) or admin (who has admin for all rooms).",
  },
  "log-level": {
    kind: choiceKind(["debug", "info", "warn", "error", "silent"]),
    default: "info",
    help: "Least severe log line: debug, info, warn, error, silent.",
  },
  "log-format": {
    kind: choiceKind(["auto", "json", "text"]),
    default: "auto",
    help: "Form of log lines: json, text, or auto: text on a terminal, else json.",
  },
} as const satisfies Record<string, Key>;

/** The name of a key, as it stands in TOML. */
export type KeyName = keyof typeof configKeys;

type Kept<Row> = Row extends { kind: Kind<infer Held>; default: infer Default }
  ? Default extends null
    ? Held | null
    : Held
  : never;

/** The value of each key, null where it is unset. */
export type Settings = { [Name in KeyName]: Kept<(typeof configKeys)[Name]> };

/** All keys, in the order in which they are told. */
export const keyNames = Object.keys(configKeys).filter(isKeyName);

/** Tells whether a text is the name of a key. */
export function isKeyName(text: string): text is KeyName {
  return Object.hasOwn(configKeys, text);
}

/** Finds the row of a key, with the type that all rows share. */
export function keyOf(name: KeyName): Key {
  return configKeys[name];
}

/** The flag of a key: `--tls-cert`. */
export function flagOf(name: KeyName): string {
  return `--${name}`;
}

/** The environment variable of a key: `PARTYLINE_TLS_CERT`. */
export function variableOf(name: KeyName): string {
  return keyOf(name).variable ?? `${variablePrefix}${name.toUpperCase().replaceAll("-", "_")}`;
}

/** What every variable of ours starts with. */
export const variablePrefix = "PARTYLINE_";

/** Variables that say to the commands of a client where a server is; they configure none. */
export const clientVariables: readonly string[] = ["URL", "TOKEN", "TOKEN_FILE"].map(
  (name) => `${variablePrefix}${name}`,
);
