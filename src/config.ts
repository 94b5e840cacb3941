/** Flags over environment over `partyline.toml`: one validated, frozen configuration. */

import { isIPv4 } from "node:net";
import { join, resolve } from "node:path";
import { type KeyName, keyNames, keyOf, type Settings } from "./config-keys.ts";
import { type Given, gatherSettings, type Origin, type Problem, show } from "./config-source.ts";
import type { Value } from "./config-value.ts";
import type { Retention } from "./hub/ports.ts";
import { queueBytesMin } from "./protocol/limits.ts";

/** What a server needs to know. Paths are absolute, sizes are bytes, ages are milliseconds. */
export interface Config {
  readonly host: string;
  /** 0 takes any port that is free. */
  readonly port: number;
  readonly data: string;
  /** The folder below `/files/`. */
  readonly files: string;
  readonly durability: Settings["durability"];
  /** Whether a server without authentication may listen beyond this machine. */
  readonly allowAnonymous: boolean;
  /** Both null when there is no certificate. */
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  readonly tlsSelfSigned: boolean;
  readonly http3: boolean;
  readonly retention: Retention;
  readonly frameBytesMax: number;
  readonly queueBytesMax: number;
  readonly logLevel: Settings["log-level"];
  readonly logFormat: Settings["log-format"];
}

/** A configuration with where each value came from. */
export interface Effective {
  readonly config: Config;
  readonly settings: Readonly<Settings>;
  readonly origins: ReadonlyMap<KeyName, Origin>;
  /** The file that was read, or null. */
  readonly file: string | null;
}

/** A configuration that is refused. The message is safe to show: one sentence a line, all of them. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ sentence }) => sentence).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** What may differ from the defaults; a part of `retention` is enough. */
export type ConfigOverrides = Partial<Omit<Config, "retention">> & {
  readonly retention?: Partial<Retention>;
};

interface Broken {
  /** Keys whose values contradict each other; the one to name first stands first. */
  readonly keys: readonly KeyName[];
  readonly sentence: string;
}

type Rule = (config: Config) => Broken | undefined;

/** What no key can say about itself alone. */
const rules: readonly Rule[] = [
  ({ tlsCert, tlsKey }) => {
    if ((tlsCert === null) === (tlsKey === null)) return undefined;
    const [given, missing]: KeyName[] =
      tlsKey === null ? ["tls-cert", "tls-key"] : ["tls-key", "tls-cert"];
    if (given === undefined) return undefined;
    return { keys: [given], sentence: `needs ${missing} beside it; give both files, or neither.` };
  },
  ({ tlsCert, tlsSelfSigned }) =>
    tlsCert !== null && tlsSelfSigned
      ? {
          keys: ["tls-self-signed", "tls-cert"],
          sentence: "would make a certificate, but tls-cert names one; give one of the two.",
        }
      : undefined,
  ({ http3, tlsCert, tlsSelfSigned }) =>
    http3 && tlsCert === null && !tlsSelfSigned
      ? {
          keys: ["http3"],
          sentence: "needs TLS; give tls-cert and tls-key, or tls-self-signed.",
        }
      : undefined,
  ({ frameBytesMax, queueBytesMax }) =>
    queueBytesMax < queueBytesMin(frameBytesMax)
      ? {
          keys: ["queue-bytes-max", "frame-bytes-max"],
          sentence:
            `cannot hold a message of frame-bytes-max (${frameBytesMax} bytes) in its largest ` +
            `encoding; give at least ${queueBytesMin(frameBytesMax)}.`,
        }
      : undefined,
  mayListen,
];

/**
 * Reads the configuration.
 * @throws ConfigError with everything that is wrong, when anything is
 */
export function readConfig(given: Given): Effective {
  const { settings: found, problems, file } = gatherSettings(given);
  if (problems.length > 0) throw new ConfigError(problems);
  const settings = defaultSettings(given.folder);
  const origins = new Map<KeyName, Origin>();
  for (const name of keyNames) {
    const setting = found.get(name);
    origins.set(name, setting?.origin ?? { place: "default", label: "default" });
    if (setting !== undefined) Object.assign(settings, { [name]: setting.value });
  }
  settings.files ??= join(settings.data, "files");
  const config = toConfig(settings);
  assertRules(config, (name) => origins.get(name), settings);
  return Object.freeze({ config, settings: Object.freeze(settings), origins, file });
}

/**
 * Makes a configuration of the defaults and what differs from them, without looking at flags, the
 * environment or any file. Relative paths start from the working directory.
 * @throws ConfigError when the values contradict each other
 */
export function defaultConfig(overrides: ConfigOverrides = {}): Config {
  const folder = process.cwd();
  const defaults = toConfig(defaultSettings(folder));
  const data = resolve(folder, overrides.data ?? defaults.data);
  const config = freeze({
    ...defaults,
    ...overrides,
    data,
    files: resolve(folder, overrides.files ?? join(data, "files")),
    retention: { ...defaults.retention, ...overrides.retention },
  });
  assertRules(config, () => undefined);
  return config;
}

/**
 * Nobody has to prove who they are yet, so a server that other machines can reach is one where
 * everybody may read and write. That has to be said, not to happen by a changed address.
 */
function mayListen({ host, allowAnonymous }: Config): Broken | undefined {
  const isLoopback =
    host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
  if (isLoopback || allowAnonymous) return undefined;
  return {
    keys: ["host"],
    sentence:
      "lets other machines in, and there is no authentication: everybody who can reach the port " +
      "may read and write. To allow that, give allow-anonymous as well.",
  };
}

function assertRules(
  config: Config,
  originOf: (name: KeyName) => Origin | undefined,
  settings?: Settings,
): void {
  const problems: Problem[] = [];
  for (const rule of rules) {
    const broken = rule(config);
    const [first] = broken?.keys ?? [];
    if (broken === undefined || first === undefined) continue;
    const origin = originOf(first);
    const value = settings === undefined ? "" : ` is ${show(settings[first])}`;
    const source = origin === undefined ? "" : ` (${origin.label})`;
    const link = settings === undefined ? "" : ", which";
    const isUsage = broken.keys.some((name) => originOf(name)?.place === "flag");
    const place = isUsage ? "flag" : (origin?.place ?? "default");
    problems.push({ place, sentence: `${first}${value}${source}${link} ${broken.sentence}` });
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

function defaultSettings(folder: string): Settings {
  const settings: Partial<Record<KeyName, Value | null>> = {};
  for (const name of keyNames) {
    const { default: text, kind } = keyOf(name);
    settings[name] = text === null ? null : (kind.parse(text, folder) ?? null);
  }
  return settings as Settings; // The table's own types say so, and a test reads every default.
}

function toConfig(settings: Settings): Config {
  return freeze({
    host: settings.host,
    port: settings.port,
    data: settings.data,
    files: settings.files ?? join(settings.data, "files"),
    durability: settings.durability,
    allowAnonymous: settings["allow-anonymous"],
    tlsCert: settings["tls-cert"],
    tlsKey: settings["tls-key"],
    tlsSelfSigned: settings["tls-self-signed"],
    http3: settings.http3,
    retention: {
      messagesMax: settings["retention-messages"],
      ageMsMax: settings["retention-age"],
      bytesMax: settings["retention-bytes"],
    },
    frameBytesMax: settings["frame-bytes-max"],
    queueBytesMax: settings["queue-bytes-max"],
    logLevel: settings["log-level"],
    logFormat: settings["log-format"],
  });
}

function freeze(config: Config): Config {
  return Object.freeze({ ...config, retention: Object.freeze({ ...config.retention }) });
}
