import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { printConfig } from "../src/cli/printed-config.ts";
import { ConfigError, defaultConfig, readConfig } from "../src/config.ts";
import { flagOf, type KeyName, keyNames, keyOf, variableOf } from "../src/config-keys.ts";
import { queueBytesMin } from "../src/protocol/limits.ts";
import { createTemporaryFolder, type TemporaryFolder } from "./support/temporary-folder.ts";

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
      allowAnonymous: false,
      tlsCert: null,
      tlsKey: null,
      tlsSelfSigned: false,
      http3: false,
      retention: { messagesMax: 10_000, ageMsMax: 604_800_000, bytesMax: 67_108_864 },
      frameBytesMax: 1_048_576,
      queueBytesMax: 4_194_304,
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
});

describe("values that belong together", () => {
  const certificate = { "tls-cert": "c.pem", "tls-key": "k.pem" };

  test.each<[string, Flags, string]>([
    ["a certificate without its key", { "tls-cert": "c.pem" }, "needs tls-key beside it"],
    ["a key without its certificate", { "tls-key": "k.pem" }, "needs tls-cert beside it"],
    ["two certificates", { ...certificate, "tls-self-signed": true }, "give one of the two"],
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
    (host) => expect(read({ host }).config.allowAnonymous).toBe(false),
  );

  test.each(["0.0.0.0", "::", "192.168.1.2", "example.org", "127.example.org", "::2"])(
    "%s lets others in and needs allow-anonymous",
    (host) => {
      expect(problemsOf({}, { PARTYLINE_HOST: host })).toEqual([
        `host is "${host}" (PARTYLINE_HOST), which lets other machines in, and there is no ` +
          "authentication: everybody who can reach the port may read and write. To allow that, " +
          "give allow-anonymous as well.",
      ]);
      expect(read({ host, "allow-anonymous": true }).config.host).toBe(host);
    },
  );
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
      "allow-anonymous": true,
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
});

test("every key has one flag and one variable, and no two share them", () => {
  const variables = keyNames.map(variableOf);
  expect(new Set(variables).size).toBe(keyNames.length);
  for (const variable of variables) expect(variable).toMatch(/^PARTYLINE_[A-Z0-9_]+$/);
  for (const name of keyNames) expect(flagOf(name)).toMatch(/^--[a-z][a-z0-9-]+$/);
});
