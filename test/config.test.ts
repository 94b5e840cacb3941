import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { printConfig } from "../src/cli/printed-config.ts";
import { ConfigError, defaultConfig, readConfig } from "../src/config.ts";
import { flagOf, type KeyName, keyNames, keyOf, variableOf } from "../src/config-keys.ts";
import { readMemoryMax } from "../src/limit/memory-max.ts";
import { readConnectionsMax } from "../src/limit/open-files.ts";
import { queueBytesMin } from "../src/protocol/limits.ts";
import { createTemporaryFolder, type TemporaryFolder } from "./support/temporary-folder.ts";

const secret = "a secret that has enough bytes, but not many more";

type Flags = Partial<Record<KeyName, string | boolean>>;

let temporary: TemporaryFolder;
let folder: string;

beforeEach(() => {
  temporary = createTemporaryFolder();
  folder = temporary.path;
});
afterEach(() => temporary[Symbol.dispose]());

function read(flags: Flags = {}, environment: Record<string, string> = {}) {
  return readConfig({ flags, environment, folder });
}

function problemsOf(flags: Flags = {}, environment: Record<string, string> = {}): string[] {
  try {
    read(flags, environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n");
  }
  throw new Error("The configuration was accepted.");
}

function writeToml(text: string, name = "partyline.toml"): void {
  writeFileSync(join(folder, name), text);
}

describe("without any configuration", () => {
  test("the defaults are those of the manual", () => {
    expect(read().config).toEqual({
      host: "127.0.0.1",
      port: 8080,
      data: join(folder, "data"),
      files: join(folder, "data", "files"),
      durability: "process",
      anonymous: null,
      issuers: [],
      tokenLeewayMs: 5_000,
      tlsCert: null,
      tlsKey: null,
      tlsSelfSigned: false,
      tlsMinVersion: "1.2",
      tlsClientCa: null,
      hstsMs: 0,
      http3: false,
      allowOrigin: null,
      retention: { messagesMax: 10_000, ageMsMax: 604_800_000, bytesMax: 67_108_864 },
      frameBytesMax: 1_048_576,
      queueBytesMax: 4_194_304,
      redis: null,
      redisPrefix: "partyline",
      redisReplicas: 0,
      redisLeaseMs: 10_000,
      workers: 0,
      slowReader: "cut",
      messagesPerSecond: 1_000,
      messagesBurst: 2_000,
      publishesPerSecond: 1_000,
      publishesBurst: 2_000,
      roomsPerHour: 2_000,
      roomMembersMax: 50_000,
      connectionRoomsMax: 100,
      connectionsMax: null,
      connectionsPerAddress: null,
      connectionsPerUser: 1_000,
      memoryMax: null,
      speakWithinMs: 60_000,
      bodyWithinMs: 30_000,
      idleTimeoutMs: 120_000,
      drainDelayMs: 0,
      drainWindowMs: 10_000,
      drainTimeoutMs: 30_000,
      trustProxy: null,
      metrics: null,
      logLevel: "info",
      logFormat: "auto",
    });
  });

  test("every default can be read by its own kind", () => {
    for (const name of keyNames) {
      const { default: text, kind } = keyOf(name);
      if (text !== null) expect(kind.parse(text, folder), name).toBeDefined();
    }
  });

  test("the configuration cannot be changed", () => {
    const { config } = read();
    expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.retention, { messagesMax: 1 })).toThrow(TypeError);
  });
});

describe("precedence", () => {
  test("a flag wins over the environment, which wins over the file", () => {
    writeToml("port = 1\nretention-messages = 1\nlog-level = 'warn'");
    const environment = { PARTYLINE_PORT: "2", PARTYLINE_RETENTION_MESSAGES: "2" };
    const { config, origins } = read({ port: "3" }, environment);
    expect([config.port, config.retention.messagesMax, config.logLevel]).toEqual([3, 2, "warn"]);
    expect(origins.get("port")).toEqual({ place: "flag", label: "--port" });
    expect(origins.get("retention-messages")?.label).toBe("PARTYLINE_RETENTION_MESSAGES");
    expect(origins.get("log-level")?.label).toBe(join(folder, "partyline.toml"));
    expect(origins.get("host")?.place).toBe("default");
  });

  test("a flag turns off what the environment turned on", () => {
    const environment = { PARTYLINE_TLS_SELF_SIGNED: "true", PARTYLINE_HTTP3: "true" };
    expect(read({}, environment).config.http3).toBe(true);
    expect(read({ http3: false }, environment).config.http3).toBe(false);
  });

  test("a bad value is refused also where a better source overrules it", () => {
    expect(problemsOf({ port: "1" }, { PARTYLINE_PORT: "x" })).toHaveLength(1);
  });

  test("an empty variable is an unset one", () => {
    expect(read({}, { PARTYLINE_PORT: "", PARTYLINE_TLS_CERT: "" }).config.port).toBe(8080);
  });

  test("other people's variables are left alone", () => {
    expect(read({}, { PORT: "1", HOST: "x", PARTY: "y" }).config.port).toBe(8080);
  });
});

describe("the file", () => {
  test("is partyline.toml in the working folder, if it is there", () => {
    writeToml("port = 9000");
    expect(read()).toMatchObject({ config: { port: 9000 }, file: join(folder, "partyline.toml") });
  });

  test("that is named is read in place of the usual one", () => {
    writeToml("port = 1");
    writeToml("port = 2", "other.toml");
    expect(read({ config: "other.toml" }).config.port).toBe(2);
    expect(read({}, { PARTYLINE_CONFIG: join(folder, "other.toml") }).config.port).toBe(2);
  });

  test("that is named and missing is an error", () => {
    const path = join(folder, "nowhere.toml");
    expect(problemsOf({ config: "nowhere.toml" })).toEqual([`${path} (--config) does not exist.`]);
  });

  test("that is a folder is an error", () => {
    mkdirSync(join(folder, "partyline.toml"));
    expect(problemsOf()[0]).toEndWith("partyline.toml is a folder, not a file.");
  });

  test("larger than a mebibyte is not read", () => {
    writeToml("#".repeat(1_048_577));
    expect(problemsOf()[0]).toEndWith("is larger than 1048576 bytes.");
  });

  test.each([
    ["port = 1\n\n# here\nhost = \nhttp3 = true", 4],
    ["port = ", 1],
    ["port = 1\nport = 2", 2],
    ['host = "a"\n[table\n', 2],
    ['host = """\nnever ended', 1],
  ])("that is not TOML is refused with the line: %j", (text, line) => {
    writeToml(text);
    expect(problemsOf()[0]).toContain(`partyline.toml is not TOML: line ${line}: `);
  });

  test("counts its relative paths from its own folder, flags from the working folder", () => {
    mkdirSync(join(folder, "etc"));
    writeToml('data = "kept"\nfiles = "/srv/files"', "etc/p.toml");
    const { config } = read({ config: "etc/p.toml" });
    expect([config.data, config.files]).toEqual([join(folder, "etc", "kept"), "/srv/files"]);
    expect(read({ config: "etc/p.toml", data: "here" }).config.data).toBe(join(folder, "here"));
  });

  test("refuses keys that it does not know and suggests the nearest", () => {
    writeToml("prot = 1\ntls_cert = 'x'\nzzzzzzzzzz = 1\n__proto__ = 1\n[retention]\nage = '1d'");
    const path = join(folder, "partyline.toml");
    expect(problemsOf()).toEqual([
      `Unknown key "prot" in ${path}; did you mean port?`,
      `Unknown key "tls_cert" in ${path}; did you mean tls-cert?`,
      `Unknown key "zzzzzzzzzz" in ${path}.`,
      `Unknown key "__proto__" in ${path}.`,
      `Unknown key "retention" in ${path}.`,
    ]);
  });

  test("may not name another file", () => {
    writeToml("config = 'x.toml'");
    expect(problemsOf()[0]).toStartWith('Unknown key "config"');
  });
});

describe("values", () => {
  test.each<[KeyName, string | number, unknown]>([
    ["port", "0", 0],
    ["port", "65535", 65_535],
    ["host", "::1", "::1"],
    ["host", "[::1]", "::1"],
    ["host", "localhost", "localhost"],
    ["retention-age", "500ms", 500],
    ["retention-age", "30s", 30_000],
    ["retention-age", "5m", 300_000],
    ["retention-age", "12h", 43_200_000],
    ["retention-age", "7d", 604_800_000],
    ["retention-age", "0", 0],
    ["retention-age", "3650d", 3_650 * 86_400_000],
    ["retention-bytes", "1048576", 1_048_576],
    ["retention-bytes", 1_048_576, 1_048_576],
    ["retention-bytes", "64KiB", 65_536],
    ["retention-bytes", "2GiB", 2_147_483_648],
    ["retention-bytes", "1024GiB", 1_099_511_627_776],
    ["durability", "power", "power"],
    ["log-level", "silent", "silent"],
  ])("%s accepts %j", (name, given, kept) => {
    writeToml(`${name} = ${JSON.stringify(given)}`);
    expect(read().settings[name]).toBe(kept as never);
    if (typeof given === "string")
      expect(read({ [name]: given }).settings[name]).toBe(kept as never);
  });

  test.each<[KeyName, unknown]>([
    ["port", "65536"],
    ["port", "-1"],
    ["port", "80.5"],
    ["port", "0x50"],
    ["port", " 80"],
    ["port", "99999999999999999999"],
    ["port", true],
    ["port", 80.5],
    ["host", ""],
    ["host", "a b"],
    ["host", "http://x"],
    ["host", "1:2"],
    ["host", 5],
    ["retention-age", "7"],
    ["retention-age", 7],
    ["retention-age", "7w"],
    ["retention-age", "1h30m"],
    ["retention-age", "-1d"],
    ["retention-age", "3651d"],
    ["retention-bytes", "64KB"],
    ["retention-bytes", "64 KiB"],
    ["retention-bytes", "1.5MiB"],
    ["retention-bytes", "1025GiB"],
    ["frame-bytes-max", "1023"],
    ["frame-bytes-max", "257MiB"],
    ["durability", "disk"],
    ["http3", "yes"],
    ["http3", 1],
    ["data", ""],
    ["data", "x\0y"],
    ["data", "x".repeat(4_097)],
    ["data", 5],
  ])("%s refuses %j, naming key, value, source and accepted form", (name, given) => {
    writeToml(`${name} = ${JSON.stringify(given)}`);
    const problems = problemsOf();
    expect(problems).toHaveLength(1);
    const [sentence] = problems;
    const shown = JSON.stringify(given).slice(0, 80);
    expect(sentence).toStartWith(`${name} is ${shown}`);
    expect(sentence).toContain(`(${join(folder, "partyline.toml")}), which is not accepted; give `);
    expect(sentence).toEndWith(`${keyOf(name).kind.accepts}.`);
  });

  test("everything that is wrong is told at once, one sentence a line", () => {
    writeToml("port = 'x'\nhots = 'y'");
    const environment = { PARTYLINE_LOG_LEVEL: "loud", PARTYLINE_DATE: "d" };
    expect(problemsOf({ durability: "none" }, environment)).toEqual([
      'durability is "none" (--durability), which is not accepted; give one of process, power, memory.',
      'log-level is "loud" (PARTYLINE_LOG_LEVEL), which is not accepted; ' +
        "give one of debug, info, warn, error, silent.",
      "Unknown variable PARTYLINE_DATE in the environment; did you mean PARTYLINE_DATA?",
      `port is "x" (${join(folder, "partyline.toml")}), which is not accepted; ` +
        "give a whole number from 0 to 65535.",
      `Unknown key "hots" in ${join(folder, "partyline.toml")}; did you mean host?`,
    ]);
  });

  test("what tells clients where a server is, is for them and not for the server", () => {
    const secret = "not.a.token";
    const environment = { PARTYLINE_URL: "http://host", PARTYLINE_TOKEN: secret };
    expect(read({}, { ...environment, PARTYLINE_TOKEN_FILE: "token" }).config).toEqual(
      read().config,
    );
    const [sentence] = problemsOf({}, { ...environment, PARTYLINE_TOKN: secret });
    expect(sentence).toEndWith("PARTYLINE_TOKN in the environment; did you mean PARTYLINE_TOKEN?");
  });
});

describe("origins", () => {
  test("are an array or a text in the file, and a list in a variable", () => {
    writeToml('allow-origin = ["https://a.example", "https://*.b.example:8443"]');
    expect(read().config.allowOrigin).toBe("https://a.example,https://*.b.example:8443");
    writeToml('allow-origin = "*"\ntls-min-version = 1.3');
    expect(read().config).toMatchObject({ allowOrigin: "*", tlsMinVersion: "1.3" });
    const variable = { PARTYLINE_ALLOW_ORIGIN: "https://a.example, https://c.example" };
    expect(read({}, variable).config.allowOrigin).toBe("https://a.example, https://c.example");
  });

  test("are refused in any other form", () => {
    for (const text of ["a.example", "https://a.example/", "https://*", "null"]) {
      expect(problemsOf({ "allow-origin": text })).toEqual([
        `allow-origin is "${text}" (--allow-origin), which is not accepted; give origins such as ` +
          "https://chat.example or https://*.example.com, between commas, or * for any page.",
      ]);
    }
    writeToml("allow-origin = [1]");
    expect(problemsOf()).toHaveLength(1);
  });
});

describe("values that belong together", () => {
  const certificate = { "tls-cert": "c.pem", "tls-key": "k.pem" };

  test.each<[string, Flags, string]>([
    ["a certificate without its key", { "tls-cert": "c.pem" }, "needs tls-key beside it"],
    ["a key without its certificate", { "tls-key": "k.pem" }, "needs tls-cert beside it"],
    ["two certificates", { ...certificate, "tls-self-signed": true }, "give one of the two"],
    ["client certificates without TLS", { "tls-client-ca": "ca.pem" }, "needs TLS; give tls-cert"],
    ["HSTS without TLS", { hsts: "1d" }, "would bind browsers to TLS that this server does not"],
    ["HTTP/3 without TLS", { http3: true }, "needs TLS; give tls-cert and tls-key, or"],
    ["a queue too small for a frame", { "frame-bytes-max": "4MiB" }, "give at least "],
  ])("%s is refused", (_, flags, sentence) => {
    const problems = problemsOf(flags);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(sentence);
  });

  test("a whole certificate, and HTTP/3 with one, are accepted", () => {
    const { config } = read({ ...certificate, http3: true });
    expect(config).toMatchObject({ tlsCert: join(folder, "c.pem"), tlsKey: join(folder, "k.pem") });
    expect(read({ "tls-self-signed": true, http3: true }).config.http3).toBe(true);
  });

  test("the smallest queue for a frame limit is accepted, one byte less is not", () => {
    const least = queueBytesMin(4_194_304);
    const frame = { "frame-bytes-max": "4MiB" };
    expect(read({ ...frame, "queue-bytes-max": `${least}` }).config.queueBytesMax).toBe(least);
    expect(problemsOf({ ...frame, "queue-bytes-max": `${least - 1}` })[0]).toContain(`${least}`);
  });

  test.each(["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])(
    "%s needs no leave to listen",
    (host) => expect(read({ host }).config.anonymous).toBeNull(),
  );

  test.each(["0.0.0.0", "::", "192.168.1.2", "example.org", "127.example.org", "::2"])(
    "%s lets others in and needs a key, or a word about people without one",
    (host) => {
      expect(problemsOf({}, { PARTYLINE_HOST: host })).toEqual([
        `host is "${host}" (PARTYLINE_HOST), which lets other machines in, and there is no key ` +
          "that tokens could be verified with: everybody who can reach the port could read and " +
          "write. Give a key, such as token-secret-file; or say what they may do, with " +
          "anonymous: none, read or write.",
      ]);
      for (const anonymous of ["none", "read", "write", "write:public-*"]) {
        expect(read({ host, anonymous }).config.host).toBe(host);
      }
      expect(read({ host, "token-secret": secret }).config.anonymous).toBeNull();
    },
  );
});

describe("the keys of tokens", () => {
  test.each<[Flags, object]>([
    [{ "token-secret": secret }, { kind: "secret" }],
    [{ "token-secret-file": "s" }, { kind: "secret-file" }],
    [{ "token-public-key": "p.pem" }, { kind: "public-key" }],
    [{ "token-jwks-url": "https://a/k" }, { kind: "jwks-url", url: "https://a/k" }],
  ])("%j is an issuer", (flags, key) => {
    const given = { ...flags, "token-issuer": "https://me", "token-audience": "party" };
    const { issuers } = read(given).config;
    expect(issuers).toMatchObject([{ key, issuer: "https://me", audience: "party" }]);
  });

  test("of several issuers stand in tables of the file, after that of flags", () => {
    writeToml(
      `[[issuer]]\nissuer = "a"\nsecret = "${secret}"\n\n` +
        '[[issuer]]\nissuer = "b"\npublic-key = "b.pem"\naudience = "party"',
    );
    const given = { "token-jwks-url": "http://127.0.0.1:1/k", "token-issuer": "f" };
    const { issuers } = read(given).config;
    expect(issuers.map(({ issuer, key }) => [issuer, key.kind])).toEqual([
      ["f", "jwks-url"],
      ["a", "secret"],
      ["b", "public-key"],
    ]);
    expect(issuers[2]).toMatchObject({ key: { path: join(folder, "b.pem") }, audience: "party" });
  });

  test.each<[string, string]>([
    ["[[issuer]]\nissuer = 'a'", "[[issuer]] 1 in FILE needs one key: give one of secret, "],
    ["[[issuer]]\npublic-key = 'a'\njwks-url = 'https://a'", "needs one key"],
    ["[[issuer]]\nsecret = 'short'", "secret is (secret) in [[issuer]] 1 in FILE, which is not"],
    ["[[issuer]]\npublik-key = 'a'", 'Unknown key "publik-key" in [[issuer]] 1 in FILE; did you'],
    ["[[issuer]]\n__proto__ = 'a'", 'Unknown key "__proto__"'],
    ["[issuer]\npublic-key = 'a'", "issuer in FILE is not accepted; give at most 32 tables"],
    ["issuer = 'a'", "issuer in FILE is not accepted"],
    ["issuer = ['a']", "issuer in FILE is not accepted"],
    [
      "[[issuer]]\npublic-key = 'a'\n[[issuer]]\npublic-key = 'b'\nissuer = 'b'",
      "token-issuer is null (default), which is needed for each of several issuers",
    ],
  ])("in a file with %j are refused", (toml, sentence) => {
    writeToml(toml);
    expect(problemsOf()[0]).toContain(sentence.replace("FILE", join(folder, "partyline.toml")));
  });

  test.each<[Flags, string]>([
    [{ "token-secret": secret, "token-secret-file": "s" }, "stands beside token-secret-file; give"],
    [{ "token-public-key": "p", "token-jwks-url": "https://a" }, "beside token-jwks-url"],
    [{ "token-audience": "a" }, 'token-audience is "a" (--token-audience), which needs a key'],
    [{ "token-issuer": "a" }, "needs a key beside it"],
    [{ "token-leeway": "6m" }, "at most 5m"],
    [{ anonymous: "yes" }, 'anonymous is "yes" (--anonymous), which is not accepted; give none'],
    ...["http://a/k", "ftp://a", "https://u:p@a", "https://a#f", "a", "http://127.0.0.1.a/"].map(
      (url): [Flags, string] => [{ "token-jwks-url": url }, "which is not accepted; give an https"],
    ),
  ])("%j are refused", (flags, sentence) => {
    const problems = problemsOf(flags);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(sentence);
    expect(problems[0]).not.toContain(secret);
  });

  test.each(["http://localhost:1/k", "http://[::1]/k", "http://127.9.9.9/k"])(
    "may be at %s on this machine",
    (url) => expect(read({ "token-jwks-url": url }).config.issuers).toHaveLength(1),
  );

  test("are not shown: too short, contradicting, printed, or written as JSON", () => {
    const short = "hunter2 hunter2";
    for (const [flags, environment] of [
      [{ "token-secret": short }, {}],
      [{}, { PARTYLINE_TOKEN_SECRET: short }],
    ] as const) {
      const [sentence] = problemsOf(flags, environment);
      expect(sentence).toStartWith("token-secret is (secret) (");
      expect(sentence).not.toContain("hunter2");
    }
    writeToml(`[[issuer]]\nissuer = "b"\nsecret = "${secret}"`);
    const effective = read({ "token-secret": secret, "token-issuer": "a" });
    const printed = printConfig(effective);
    expect(printed).toMatch(/^token-secret = "\(secret\)" +# --token-secret$/m);
    expect(printed).toEndWith('\n\n[[issuer]]\nsecret = "(secret)"\nissuer = "b"\n');
    for (const text of [printed, JSON.stringify(effective.config), Bun.inspect(effective.config)]) {
      expect(text).not.toContain(secret);
    }
    writeToml(printed, "printed.toml");
    expect(problemsOf({ config: "printed.toml" })).toHaveLength(2);
  });
});

describe("the default configuration with overrides", () => {
  test("takes the files folder along with the data folder", () => {
    const config = defaultConfig({ data: folder, port: 0, retention: { messagesMax: 5 } });
    expect(config.files).toBe(join(folder, "files"));
    expect(config.retention).toEqual({ ...read().config.retention, messagesMax: 5 });
  });

  test("holds to the same rules", () => {
    expect(() => defaultConfig({ http3: true })).toThrow("http3 needs TLS");
    expect(() => defaultConfig({ host: "0.0.0.0" })).toThrow(ConfigError);
  });
});

describe("the printed configuration", () => {
  test("read again, is the same configuration", () => {
    const flags: Flags = {
      port: "9000",
      host: "::",
      anonymous: "read,write:public-*",
      "token-jwks-url": "https://a/k",
      "token-issuer": "a",
      "tls-cert": 'a "quoted"\nname\\.pem',
      "tls-key": "k.pem",
      "retention-age": "90m",
      "retention-bytes": "1000",
      "queue-bytes-max": "3MiB",
    };
    const first = read(flags);
    writeToml(printConfig(first), "printed.toml");
    expect(read({ config: "printed.toml" }).config).toEqual(first.config);
    writeToml(printConfig(read()), "printed.toml");
    expect(read({ config: "printed.toml" }).config).toEqual(read().config);
  });

  test("tells each value's source", () => {
    writeToml("port = 9000");
    const text = printConfig(read({ host: "::1" }, { PARTYLINE_HTTP3: "false" }));
    expect(text).toMatch(/^host = "::1" +# --host$/m);
    expect(text).toMatch(/^http3 = false +# PARTYLINE_HTTP3$/m);
    expect(text).toMatch(/^port = 9000 +# .*partyline\.toml$/m);
    expect(text).toMatch(/^retention-age = "7d" +# default$/m);
    expect(text).toMatch(/^# tls-cert is not set$/m);
  });

  test("tells what holds where a key that follows from others or the machine is not set", () => {
    const text = printConfig(read());
    expect(text).toMatch(/^# anonymous = "write" +# not set: write without a key, none with one$/m);
    expect(text).toMatch(/^# metrics = "open" +# not set: /m);
    writeToml(text.replaceAll(/^# (?=\S+ = )/gm, ""), "printed.toml");
    const { config } = read({ config: "printed.toml" });
    const connectionsMax = readConnectionsMax();
    const connectionsPerAddress = Math.ceil(0.75 * connectionsMax);
    expect(config).toMatchObject({ connectionsMax, connectionsPerAddress, anonymous: "write" });
    expect(config.memoryMax).toBeGreaterThan(readMemoryMax() - 1_048_576);
    expect(config.memoryMax).toBeLessThanOrEqual(readMemoryMax());
    const other = printConfig(read({ "token-jwks-url": "https://a/k", "connections-max": "100" }));
    expect(other).toMatch(/^# anonymous = "none" +# not set: /m);
    expect(other).toMatch(/^# metrics = "admin" +# not set: /m);
    expect(other).toMatch(/^# connections-per-address = 75 +# not set: three quarters of /m);
  });

  test.if(process.platform === "linux")("tells each worker's part of the memory", () => {
    const text = printConfig(read({ redis: "redis://localhost", workers: "4" }));
    const [, mebibytes = 0] =
      /^# memory-max = "(\d+)MiB" +# not set: .*, in 4 parts$/m.exec(text) ?? [];
    expect(Number(mebibytes)).toBe(Math.floor(readMemoryMax(4) / 1_048_576));
  });
});

test("every key has one flag and one variable, and no two share them", () => {
  const variables = keyNames.map(variableOf);
  expect(new Set(variables).size).toBe(keyNames.length);
  for (const variable of variables) expect(variable).toMatch(/^PARTYLINE_[A-Z0-9_]+$/);
  for (const name of keyNames) expect(flagOf(name)).toMatch(/^--[a-z][a-z0-9-]+$/);
});

test("trusted proxies are addresses and networks, between commas or as an array", () => {
  const { kind } = keyOf("trust-proxy");
  expect(kind.parse("127.0.0.1,10.0.0.0/8 , fd00::/8", folder)).toBe(
    "127.0.0.1, 10.0.0.0/8, fd00::/8",
  );
  expect(kind.parse(["::1", "10.0.0.0/8"], folder)).toBe("::1, 10.0.0.0/8");
  for (const wrong of ["", ",", "10.0.0.0/33", "proxy.example", "10.0.0.1;10.0.0.2", [], [1], 7]) {
    expect(kind.parse(wrong, folder)).toBeUndefined();
  }
});

describe("a Redis", () => {
  const url = "redis://:hush@127.0.0.1:6379";

  test("is named by a flag, by PARTYLINE_REDIS_URL or by the file, one or several", () => {
    expect(read({ redis: url }).config.redis).toBe(url);
    expect(read({}, { PARTYLINE_REDIS_URL: `${url}, rediss://b` }).config.redis).toContain("//b");
    writeToml(`redis = ["${url}", "redis://b:1"]`);
    expect(read().config.redis).toBe(`${url},redis://b:1`);
  });

  test("is not taken from a variable of another name, in silence", () => {
    const refused =
      "Unknown variable PARTYLINE_REDIS in the environment; did you mean PARTYLINE_RED";
    expect(() => read({}, { PARTYLINE_REDIS: url })).toThrow(`${refused}IS_URL?`);
  });

  test("is never shown, neither where it is printed nor where it is refused", () => {
    expect(printConfig(read({ redis: url }))).not.toContain("hush");
    for (const wrong of [`${url}/3`, `${url}?x=1`, `${url},`, "http://hush@h", "redis://:hush@"]) {
      const [refusal] = problemsOf({ redis: wrong });
      expect(refusal).toStartWith("redis is (secret) (--redis), which is not accepted; give URLs");
      expect(refusal).not.toContain("hush");
    }
    const plain = read({ redis: "redis://a:1, rediss://b" }); // a password it has none of may be seen
    expect(printConfig(plain)).toContain('redis = "redis://a:1, rediss://b" ');
  });

  test("is refused with what is wrong with it, as far as that can be told", () => {
    const databases = "Databases cannot be chosen: redis-prefix keeps installations apart.";
    const signs = "In a password / is written as %2F, ? as %3F, # as %23, and % as %25.";
    const scheme = "Not all of it begins with redis:// or rediss://; a comma in a password is %2C.";
    for (const [wrong, why] of [
      ["127.0.0.1:6379", scheme],
      ["redis://:hu,sh@a", scheme],
      [`redis://b,${url}/3`, databases],
      ["redis://u:hu/sh@a", signs],
      ["redis://:hush#@a", signs],
    ] as const) {
      expect(problemsOf({ redis: wrong })).toEqual([expect.stringMatching(/a query\. /)]);
      expect(problemsOf({ redis: wrong })[0]).toEndWith(` ${why}`);
    }
    writeToml('redis-url = "redis://a"');
    expect(problemsOf()[0]).toEndWith("partyline.toml; did you mean redis?");
  });

  test("has a prefix, replicas and a lease within bounds", () => {
    const most = {
      ...{ redis: "redis://a/0", "redis-prefix": "ab_c.d-9" },
      ...{ "redis-replicas": "10", "redis-lease": "5m" },
    };
    const { redisPrefix, redisReplicas, redisLeaseMs } = read(most).config;
    expect([redisPrefix, redisReplicas, redisLeaseMs]).toEqual(["ab_c.d-9", 10, 300_000]);
    expect(() => read({ "redis-prefix": "" })).toThrow("1 to 64 letters");
    expect(() => read({ "redis-prefix": "a:m" })).toThrow("1 to 64 letters");
    expect(() => read({ "redis-prefix": "a".repeat(65) })).toThrow("1 to 64 letters");
    expect(() => read({ "redis-replicas": "11" })).toThrow("from 0 to 10");
    expect(() => read({ "redis-replicas": "1" })).toThrow("needs redis beside it");
    expect(() => read({ "redis-lease": "999ms" })).toThrow("from 1s to 5m");
    expect(() => read({ "redis-lease": "6m" })).toThrow("from 1s to 5m");
  });
});
