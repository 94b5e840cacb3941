/** Flags over environment over `partyline.toml`: one validated, frozen configuration. */

import { join, resolve } from "node:path";
import type { IssuerSettings } from "./auth/issuer.ts";
import {
  conflictOfIssuers,
  conflictOfKeys,
  flagTable,
  type IssuerTable,
  readIssuerTables,
  toIssuer,
} from "./config-issuers.ts";
import { type KeyName, keyNames, keyOf, type Settings } from "./config-keys.ts";
import { type LimitConfig, toLimitConfig } from "./config-limits.ts";
import { type RedisSettings, redisRules, toRedisSettings } from "./config-redis.ts";
import {
  type Broken,
  type Given,
  gatherSettings,
  type Origin,
  type Problem,
  showOf,
} from "./config-source.ts";
import { type TlsSettings, tlsRules, toTlsSettings } from "./config-tls.ts";
import { isLoopback, type Value } from "./config-value.ts";
import { type WorkersSettings, workersRules } from "./config-workers.ts";
import type { Retention } from "./hub/ports.ts";
import { queueBytesMin } from "./protocol/limits.ts";

/** What a server needs to know. Paths are absolute, sizes are bytes, ages are milliseconds. */
export interface Config extends LimitConfig, RedisSettings, TlsSettings, WorkersSettings {
  readonly host: string;
  /** 0 takes any port that is free. */
  readonly port: number;
  readonly data: string;
  /** The folder below `/files/`. */
  readonly files: string;
  readonly durability: Settings["durability"];
  /** What people without a token may do; null is what nobody configured. */
  readonly anonymous: string | null;
  /** Whom tokens are taken from. Without one nobody can prove who they are. */
  readonly issuers: readonly IssuerSettings[];
  readonly tokenLeewayMs: number;
  /** Origins between commas; null lets in only the server's own pages. */
  readonly allowOrigin: string | null;
  readonly retention: Retention;
  readonly frameBytesMax: number;
  readonly queueBytesMax: number;
  /** Who may read `/metrics`; null is what nobody configured. */
  readonly metrics: Settings["metrics"];
  readonly logLevel: Settings["log-level"];
  readonly logFormat: Settings["log-format"];
}

/** A configuration with where each value came from. */
export interface Effective {
  readonly config: Config;
  readonly settings: Readonly<Settings>;
  readonly origins: ReadonlyMap<KeyName, Origin>;
  /** The `[[issuer]]` tables of the file. */
  readonly tables: readonly IssuerTable[];
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

/** `settings` are undefined where the configuration was not read but made. */
type Rule = (config: Config, settings: Settings | undefined) => Broken | undefined;

/** What no key can say about itself alone. */
const rules: readonly Rule[] = [
  ...tlsRules,
  ...redisRules,
  ...workersRules,
  ({ frameBytesMax, queueBytesMax }) =>
    queueBytesMax < queueBytesMin(frameBytesMax)
      ? {
          keys: ["queue-bytes-max", "frame-bytes-max"],
          sentence:
            `cannot hold a message of frame-bytes-max (${frameBytesMax} bytes) in its largest ` +
            `encoding; give at least ${queueBytesMin(frameBytesMax)}.`,
        }
      : undefined,
  (_, settings) => (settings === undefined ? undefined : conflictOfKeys(settings)),
  ({ issuers }) => conflictOfIssuers(issuers),
  mayListen,
];

/**
 * Reads the configuration.
 * @throws ConfigError with everything that is wrong, when anything is
 */
export function readConfig(given: Given): Effective {
  const { settings: found, problems, issuers, file } = gatherSettings(given);
  const { tables, problems: wrong } = readIssuerTables(issuers, file);
  if (problems.length + wrong.length > 0) throw new ConfigError([...problems, ...wrong]);
  const settings = defaultSettings(given.folder);
  const origins = new Map<KeyName, Origin>();
  for (const name of keyNames) {
    const setting = found.get(name);
    origins.set(name, setting?.origin ?? { place: "default", label: "default" });
    if (setting !== undefined) Object.assign(settings, { [name]: setting.value });
  }
  settings.files ??= join(settings.data, "files");
  const config = toConfig(settings, tables);
  assertRules(config, (name) => origins.get(name), settings);
  return Object.freeze({ config, settings: Object.freeze(settings), origins, tables, file });
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
 * Without a key nobody can prove who they are, so a server that other machines can reach is one
 * where everybody may do the same. That has to be said, not to happen by a changed address.
 */
function mayListen({ host, issuers, anonymous }: Config): Broken | undefined {
  if (isLoopback(host) || issuers.length > 0 || anonymous !== null) return undefined;
  return {
    keys: ["host"],
    sentence:
      "lets other machines in, and there is no key that tokens could be verified with: everybody " +
      "who can reach the port could read and write. Give a key, such as token-secret-file; or say " +
      "what they may do, with anonymous: none, read or write.",
  };
}

function assertRules(
  config: Config,
  originOf: (name: KeyName) => Origin | undefined,
  settings?: Settings,
): void {
  const problems: Problem[] = [];
  for (const rule of rules) {
    const broken = rule(config, settings);
    const [first] = broken?.keys ?? [];
    if (broken === undefined || first === undefined) continue;
    const origin = originOf(first);
    const value = settings === undefined ? "" : ` is ${showOf(first, settings[first])}`;
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

function toConfig(settings: Settings, tables: readonly IssuerTable[] = []): Config {
  const issuers = [flagTable(settings), ...tables].map(toIssuer);
  return freeze({
    host: settings.host,
    port: settings.port,
    data: settings.data,
    files: settings.files ?? join(settings.data, "files"),
    durability: settings.durability,
    anonymous: settings.anonymous,
    issuers: Object.freeze(issuers.filter((issuer) => issuer !== undefined)),
    tokenLeewayMs: settings["token-leeway"],
    ...toTlsSettings(settings),
    allowOrigin: settings["allow-origin"],
    retention: {
      messagesMax: settings["retention-messages"],
      ageMsMax: settings["retention-age"],
      bytesMax: settings["retention-bytes"],
    },
    frameBytesMax: settings["frame-bytes-max"],
    queueBytesMax: settings["queue-bytes-max"],
    ...toRedisSettings(settings),
    workers: settings.workers,
    ...toLimitConfig(settings),
    metrics: settings.metrics,
    logLevel: settings["log-level"],
    logFormat: settings["log-format"],
  });
}

function freeze(config: Config): Config {
  return Object.freeze({ ...config, retention: Object.freeze({ ...config.retention }) });
}
