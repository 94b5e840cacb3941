/** `partyline token`: tokens that the server takes, and explanations that help. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { runCommandLine } from "../../src/cli/program.ts";
import { p256, rsa, secretText, toHmacToken, toPem } from "../auth/keys.ts";
import { fromSource } from "../support/program.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { createTerminal } from "../support/terminal.ts";

let folder: TemporaryFolder;
let environment: Record<string, string>;
let input: string;

beforeEach(() => {
  folder = createTemporaryFolder();
  environment = { PARTYLINE_TOKEN_SECRET: secretText };
  input = "";
});
afterEach(() => folder[Symbol.dispose]());

async function run(...given: string[]): Promise<{ code: number; out: string; err: string }> {
  const { terminal, transcript } = createTerminal({
    environment,
    folder: folder.path,
    read: async () => input,
  });
  const code = await runCommandLine(["token", ...given], terminal);
  const { out, err } = transcript;
  expect(out + err).not.toContain(secretText);
  return { code, out, err };
}

async function make(...given: string[]): Promise<string> {
  const { code, out, err } = await run(...given);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/^\S+\n$/);
  return out.trim();
}

function writeSecret(name: string, content: string, mode = 0o600): string {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe("a token that it makes", () => {
  test("says what the flags said, and others can verify it", async () => {
    const rooms = ["--room", "general=read,write", "--room", "team-*=read"];
    const token = await make("--user", "alice", "--name", "Alice", ...rooms, "--expires", "90s");
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secretText));
    const { iat = 0, jti = "" } = payload;
    expect(payload).toEqual({
      sub: "alice",
      name: "Alice",
      iat,
      exp: iat + 90,
      jti,
      rooms: { general: ["read", "write"], "team-*": ["read"] },
    });
    expect(Math.abs(iat * 1_000 - Date.now())).toBeLessThan(10_000);
    expect(jti).toMatch(/^[0-9a-f-]{36}$/);
    expect(decodeProtectedHeader(token)).toEqual({ alg: "HS256", typ: "JWT" });
  });

  test("lasts an hour unless it is said, and may last for ever", async () => {
    const { iat = 0, exp } = decodeJwt(await make("--user", "a", "--room", "a=read"));
    expect(exp).toBe(iat + 3_600);
    const flags = ["--user", "a", "--room", "a=read", "--expires", "never"];
    expect(decodeJwt(await make(...flags)).exp).toBeUndefined();
  });

  test("has issuer and audience of the configuration, or those that are given", async () => {
    environment.PARTYLINE_TOKEN_ISSUER = "https://me";
    environment.PARTYLINE_TOKEN_AUDIENCE = "party";
    const usual = decodeJwt(await make("--user", "a", "--room", "a=read"));
    expect([usual.iss, usual.aud]).toEqual(["https://me", "party"]);
    const flags = ["--issuer", "x", "--audience", "y", "--id", "z"];
    const own = decodeJwt(await make("--user", "a", "--room", "a=read", ...flags));
    expect([own.iss, own.aud, own.jti]).toEqual(["x", "y", "z"]);
  });

  test("is signed with the secret of the issuer that is named", async () => {
    environment = {};
    const other = "another secret that is long enough for HS256";
    const tables = [`issuer = "a"\nsecret = "${secretText}"`, `issuer = "b"\nsecret = "${other}"`];
    writeSecret("partyline.toml", tables.map((table) => `[[issuer]]\n${table}\n`).join("\n"));
    const token = await make("--user", "a", "--room", "a=read", "--issuer", "b");
    const { payload } = await jwtVerify(token, new TextEncoder().encode(other));
    expect(payload.iss).toBe("b");
    expect((await run("--inspect", token)).code).toBe(0);
  });

  test.each([
    ["RS256", rsa],
    ["ES256", p256],
  ])("is signed with a private key: %s", async (algorithm, pair) => {
    environment = {};
    const path = writeSecret("key.pem", toPem(pair.privateKey));
    const token = await make("--user", "a", "--room", "a=read", "--key", "key.pem");
    expect(decodeProtectedHeader(token).alg).toBe(algorithm);
    await jwtVerify(token, pair.publicKey);
    chmodSync(path, 0o644);
    const { code, err } = await run("--user", "a", "--room", "a=read", "--key", path);
    expect([code, err.includes(`chmod 600 ${path}`)]).toEqual([0, true]);
  });

  test("comes with a warning where others may read the secret, or where it allows nothing", async () => {
    environment = {};
    const path = writeSecret("secret", secretText, 0o644);
    const flags = ["--user", "a", "--token-secret-file", "secret"];
    expect((await run(...flags, "--room", "a=read")).err).toContain(`chmod 600 ${path}`);
    chmodSync(path, 0o600);
    expect((await run(...flags)).err).toBe(
      "No --room is given, so this token may do nothing in any room.\n",
    );
  });
});

test.each<[string[], number, string]>([
  [[], 2, "Give --user"],
  [["--user", "a", "--user", "b"], 2, "--user can be given once"],
  [["--user", "~a"], 1, 'must not begin with "~"'],
  [["--user", "a", "--name", ""], 1, '"name" must be 1 to 40 visible'],
  [["--user", "a", "--expires", "soon"], 2, '--expires is "soon", which is not accepted'],
  [["--user", "a", "--expires", "0"], 2, '--expires is "0"'],
  [["--user", "a", "--room", "general"], 2, '--room is "general", which is not accepted'],
  [["--user", "a", "--room", "general=reed"], 2, "some of read,write,presence,upload,admin"],
  [["--user", "a", "--room", "=read"], 2, '--room is "=read"'],
  [["--user", "a", "--room", "a b=read"], 2, '--room is "a b=read"'],
  [["--user", "a", "--room", "a=read", "--room", "a=write"], 2, '"a" twice'],
  [["--user", "a", "--key", "missing.pem"], 1, "missing.pem (--key) does not exist."],
  [["--user", "a", "--token-secret", "short"], 2, "token-secret is (secret) (--token-secret)"],
  [["--user", "a", "--usr", "b"], 2, "Unknown option '--usr'"],
  [["--inspect", "x", "--user", "a"], 2, "--inspect does not go with --user"],
])("%j is refused in a sentence", async (given, code, sentence) => {
  const outcome = await run(...given);
  expect([outcome.code, outcome.out]).toEqual([code, ""]);
  expect(outcome.err).toContain(sentence);
});

test("without a secret none is made", async () => {
  environment = {};
  const { code, err } = await run("--user", "a");
  expect([code, err]).toEqual([1, expect.stringContaining("There is no secret to sign with")]);
});

describe("an explanation", () => {
  const seconds = Math.floor(Date.now() / 1_000);

  test("tells header, claims and times, and that it is accepted", async () => {
    const claims = { sub: "alice", name: "Alice", iat: seconds - 7_300, exp: seconds + 7_260 };
    const { code, out, err } = await run("--inspect", toHmacToken(claims));
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain('header   {"alg":"HS256"}\n');
    expect(out).toContain(`claims   ${JSON.stringify(claims)}\n`);
    expect(out).toMatch(/^issued {3}\d{4}-\d\d-\d\dT[\d:.]+Z, 2 hours ago$/m);
    expect(out).toMatch(/^expires {2}\d{4}-\d\d-\d\dT[\d:.]+Z, in 2 hours$/m);
    expect(out).toContain('accepted yes, as "alice", called "Alice"\n');
  });

  test.each<[string, string, RegExp]>([
    ["an expired one", toHmacToken({ sub: "a", exp: seconds - 60 }), /no: The token expired at/],
    ["one without sub", toHmacToken({}), /no: The token has no "sub"/],
    [
      "a forged one",
      toHmacToken({ sub: "a" }, { alg: "HS256" }, "x"),
      /because {2}.*signature does not/,
    ],
    [
      "an algorithm confused",
      toHmacToken({ sub: "a" }, { alg: "RS256" }),
      /"RS256" goes with no key/,
    ],
    [
      "an audience",
      toHmacToken({ sub: "a", aud: "b" }),
      /because .*no token-audience is configured/,
    ],
    ["no token", "hello", /^accepted no: The token is not a JWT/],
    ["nothing", "", /^accepted no: /],
  ])("of %s says why it is refused", async (_, token, sentence) => {
    const { code, out } = await run("--inspect", token);
    expect(code).toBe(1);
    expect(out).toMatch(sentence);
  });

  test("does not let a token steer the terminal", async () => {
    const name = "a\u001b[2J\u202e\u009b";
    const { out } = await run("--inspect", toHmacToken({ sub: name }, { alg: name }));
    for (const sign of ["\u001b", "\u202e", "\u009b"]) expect(out).not.toContain(sign);
  });

  test("is also given of what standard input holds", async () => {
    input = `  ${toHmacToken({ sub: "alice" })}\n`;
    expect((await run("--inspect", "-")).code).toBe(0);
    const token = Bun.spawn([...fromSource, "token", "--inspect", "-"], {
      cwd: folder.path,
      env: environment,
      stdin: new TextEncoder().encode(input),
    });
    expect(await new Response(token.stdout).text()).toContain('yes, as "alice"');
    expect(await token.exited).toBe(0);
  });

  test("of a token whose keys cannot be fetched says that", async () => {
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("", { status: 500 }),
    });
    environment = { PARTYLINE_TOKEN_JWKS_URL: `${server.url}keys` };
    const { code, out } = await run("--inspect", toHmacToken({ sub: "a" }));
    expect([code, out]).toEqual([1, expect.stringContaining(`${server.url}keys answered 500`)]);
  });
});
