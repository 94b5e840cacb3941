/**
 * The one table of configuration keys. Flags, variables, TOML keys, the help, `--print-config` and
 * the manual's table all derive from it.
 */

import {
  choiceKind,
  countKind,
  durationKind,
  hostKind,
  type Kind,
  pathKind,
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
  /** False for the key that names the file itself. */
  readonly inFile?: false;
}

const gibibyte = 1_073_741_824;
const tenYearsMs = 3_650 * 86_400_000;

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
  "allow-anonymous": {
    kind: switchKind,
    default: "false",
    help: "Listen beyond this machine; everybody who can reach the port may read and write.",
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
  return `${variablePrefix}${name.toUpperCase().replaceAll("-", "_")}`;
}

/** What every variable of ours starts with. */
export const variablePrefix = "PARTYLINE_";
