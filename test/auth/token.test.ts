/** What a token must be to be taken, and every way of forging one that is known. */

import { describe, expect, test } from "bun:test";
import type { KeyObject } from "node:crypto";
import fc from "fast-check";
import { CompactSign } from "jose";
import type { Issuer } from "../../src/auth/issuer.ts";
import { Secret, toSecret } from "../../src/auth/secret.ts";
import { verifyToken } from "../../src/auth/token.ts";
import { TokenRefusal } from "../../src/auth/token-refusal.ts";
import { readJwk, toSecretKey } from "../../src/auth/verification-key.ts";
import * as keys from "./keys.ts";

const claims = { sub: "alice", rooms: { general: ["read"] } };
const untrusted = "The token is not signed by a key that this server trusts.";

function verify(token: string, issuers: readonly Issuer[] = [keys.secretIssuer]) {
  return verifyToken(token, issuers, keys.now, 5_000);
}

async function refusalOf(token: string, issuers?: readonly Issuer[]): Promise<TokenRefusal> {
  try {
    await verify(token, issuers);
  } catch (error) {
    if (error instanceof TokenRefusal) {
      expect(error.code).toBe("unauthenticated");
      return error;
    }
    throw error;
  }
  throw new Error("It was accepted.");
}

function signWith(key: KeyObject | Uint8Array, header: { alg: string; kid?: string }) {
  const payload = new TextEncoder().encode(JSON.stringify(claims));
  return new CompactSign(payload).setProtectedHeader(header).sign(key);
}

describe("a token", () => {
  test("gives user, grant and times", async () => {
    const full = { ...claims, name: "Alice", iat: keys.nowSeconds, jti: "t1", iss: "https://me" };
    const token = keys.toHmacToken(
      { ...full, exp: keys.nowSeconds + 60 },
      { alg: "HS256", typ: "JWT" },
    );
    const { grant, ...rest } = await verify(token);
    expect(rest).toEqual({
      user: { id: "alice", name: "Alice" },
      expiresAt: keys.now + 60_000,
      issuedAt: keys.now,
      id: "t1",
      issuer: "https://me",
    });
    expect([grant.may("read", "general"), grant.may("write", "general")]).toEqual([true, false]);
  });

  test.each([
    ["HS256", "sha256"],
    ["HS384", "sha384"],
    ["HS512", "sha512"],
  ])("of %s is taken", async (alg, hash) => {
    const token = keys.toHmacToken(claims, { alg }, keys.secret.reveal(), hash);
    expect((await verify(token)).user.id).toBe("alice");
  });

  test.each([
    ["RS256", keys.rsa],
    ["RS384", keys.rsa],
    ["RS512", keys.rsa],
    ["PS256", keys.rsa],
    ["PS384", keys.rsa],
    ["PS512", keys.rsa],
    ["ES256", keys.p256],
    ["ES384", keys.p384],
    ["ES512", keys.p521],
    ["EdDSA", keys.ed25519],
    ["Ed25519", keys.ed25519],
  ])("of %s is taken", async (alg, pair) => {
    const token = await signWith(pair.privateKey, { alg });
    const issuer = keys.issuerOf([keys.toPublic(pair.publicKey)]);
    expect((await verify(token, [issuer])).user.id).toBe("alice");
  });

  test("of 8192 characters is taken, one more is not", async () => {
    const rest = keys.toHmacToken({ ...claims, pad: "" }).length;
    // Three characters more of content are four more of base64url.
    for (let size = Math.floor(((8_192 - rest) * 3) / 4) - 4; ; size += 1) {
      const token = keys.toHmacToken({ ...claims, pad: "x".repeat(size) });
      if (token.length <= 8_192) {
        expect((await verify(token)).user.id).toBe("alice");
        continue;
      }
      expect((await refusalOf(token)).message).toContain("longer than 8192");
      break;
    }
  });
});

describe("a forged signature", () => {
  const publicKey = keys.rsa.publicKey;
  const issuer = keys.issuerOf([keys.toPublic(publicKey)]);

  test.each([
    ["as PEM", keys.toPem(publicKey)],
    ["as PEM without its last line break", keys.toPem(publicKey).trimEnd()],
    ["as DER", publicKey.export({ type: "spki", format: "der" })],
    ["as a JWK", JSON.stringify(publicKey.export({ format: "jwk" }))],
    ["as its modulus", Buffer.from(String(publicKey.export({ format: "jwk" }).n), "base64url")],
  ])("made with the public key as a secret, %s, is refused", async (_, key) => {
    for (const [alg, hash] of [
      ["HS256", "sha256"],
      ["HS384", "sha384"],
      ["HS512", "sha512"],
    ]) {
      const refusal = await refusalOf(keys.toHmacToken(claims, { alg }, key, hash), [issuer]);
      expect(refusal.message).toBe(untrusted);
      expect(refusal.reason).toContain("goes with no key here");
    }
  });

  test.each([
    "none",
    "None",
    "NONE",
    "nOnE",
    "none ",
    "hs256",
    "HS256 ",
    "HS1",
    "__proto__",
    "RS256",
  ])("of the algorithm %j is refused", async (alg) => {
    const signed = keys.toHmacToken(claims, { alg });
    expect((await refusalOf(signed)).message).toBe(untrusted);
    const [head, body] = signed.split(".");
    expect((await refusalOf(`${head}.${body}.AA`)).message).toBe(untrusted);
    expect((await refusalOf(`${head}.${body}.`)).message).toContain("three parts");
    expect((await refusalOf(`${head}.${body}`)).message).toContain("three parts");
  });

  test.each([[undefined], [null], [""], [256], [["HS256"]], [{}]])(
    "without a named algorithm, %j, is refused",
    async (alg) => {
      expect((await refusalOf(keys.toHmacToken(claims, { alg }))).message).toContain('no "alg"');
    },
  );

  test("whose every bit but one is right is refused", async () => {
    const token = keys.toHmacToken(claims);
    const start = token.lastIndexOf(".") + 1;
    const signature = Buffer.from(token.slice(start), "base64url");
    for (let bit = 0; bit < signature.length * 8; bit += 1) {
      const changed = Buffer.from(signature);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await refusalOf(token.slice(0, start) + changed.toString("base64url"));
    }
  });

  test("of another token, or with claims of another, is refused", async () => {
    const [head, , signature] = keys.toHmacToken(claims).split(".");
    const other = keys.encode({ ...claims, sub: "bob" });
    expect((await refusalOf(`${head}.${other}.${signature}`)).message).toBe(untrusted);
  });

  test("in DER, or with a key of another curve, is refused", async () => {
    const p256 = keys.issuerOf([keys.toPublic(keys.p256.publicKey)]);
    const raw = keys.toEcToken(claims, keys.p256.privateKey, "ieee-p1363");
    expect((await verify(raw, [p256])).user.id).toBe("alice");
    await refusalOf(keys.toEcToken(claims, keys.p256.privateKey, "der"), [p256]);
    await refusalOf(keys.toEcToken(claims, keys.p384.privateKey, "ieee-p1363"), [p256]);
    await refusalOf(await signWith(keys.p384.privateKey, { alg: "ES384" }), [p256]);
    await refusalOf(await signWith(keys.ed25519.privateKey, { alg: "EdDSA" }), [p256]);
  });

  test("of zeros is refused, whatever the curve", async () => {
    for (const [alg, pair, bytes] of [
      ["ES256", keys.p256, 64],
      ["ES384", keys.p384, 96],
      ["ES512", keys.p521, 132],
      ["EdDSA", keys.ed25519, 64],
    ] as const) {
      const zeros = Buffer.alloc(bytes).toString("base64url");
      const token = `${keys.encode({ alg })}.${keys.encode(claims)}.${zeros}`;
      await refusalOf(token, [keys.issuerOf([keys.toPublic(pair.publicKey)])]);
    }
  });

  test("does not take its key from the token's own header", async () => {
    const jwk = keys.p256.publicKey.export({ format: "jwk" });
    const header = { alg: "ES256", jwk, jku: "http://127.0.0.1:1/", x5u: "http://127.0.0.1:1/" };
    const token = keys.toEcToken(claims, keys.p256.privateKey, "ieee-p1363", header);
    expect((await refusalOf(token, [issuer])).message).toBe(untrusted);
  });

  test("with a hash that the secret is too short for is refused", async () => {
    const short = toSecret("x".repeat(47)) ?? new Secret(new Uint8Array());
    const shortIssuer = keys.issuerOf([toSecretKey(short)]);
    const bytes = short.reveal();
    expect(
      (await verify(keys.toHmacToken(claims, { alg: "HS256" }, bytes), [shortIssuer])).user.id,
    ).toBe("alice");
    await refusalOf(keys.toHmacToken(claims, { alg: "HS384" }, bytes, "sha384"), [shortIssuer]);
  });
});

describe("sloppy writing is refused", () => {
  const token = keys.toHmacToken(claims);
  const [head = "", body = "", signature = ""] = token.split(".");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const next = alphabet[alphabet.indexOf(signature.at(-1) ?? "A") ^ 1];

  test.each([
    ["padding", `${token}=`],
    ["padding of the header", `${head}==.${body}.${signature}`],
    ["a blank before it", ` ${token}`],
    ["a line break after it", `${token}\n`],
    ["a blank inside", `${head}.${body.slice(0, 4)} ${body.slice(4)}.${signature}`],
    ["leftover bits", token.slice(0, -1) + next],
    ["a sign too many", `${head}.${body}.${signature}AA`],
    ["the other alphabet", `${head}.${body}.${signature.slice(0, -2)}+/`],
    ["signs beyond ASCII", `${head}.${body}.${signature.slice(0, -1)}\u0430`],
    ["a NUL", `${head}.${body}\0.${signature}`],
    ["four parts", `${token}.${signature}`],
    ["five parts, as of an encrypted token", `${token}.${signature}.${signature}`],
    ["the word Bearer", `Bearer ${token}`],
    ["nothing", ""],
  ])("%s", async (_, sloppy) => {
    expect((await refusalOf(sloppy)).message).toMatch(/base64url/);
  });

  test.each([
    ["a repeated claim", '{"sub":"alice","sub":"bob"}'],
    ["a repeated claim, once escaped", '{"sub":"alice","s\\u0075b":"bob"}'],
    ["a repeated room", '{"sub":"alice","rooms":{"a":["read"],"a":["write"]}}'],
    ["a byte order mark", '\ufeff{"sub":"alice"}'],
    ["a trailing comma", '{"sub":"alice",}'],
    ["single quotes", "{'sub':'alice'}"],
    ["a text after it", '{"sub":"alice"} x'],
    ["nothing but blanks", "  "],
  ])("claims with %s", async (_, text) => {
    expect((await refusalOf(keys.toHmacToken(text))).message).toContain("each name stands once");
  });

  test("a repeated name in the header", async () => {
    const header = '{"alg":"none","alg":"HS256"}';
    expect((await refusalOf(keys.toHmacToken(claims, header))).message).toContain("stands once");
  });

  test("bytes that are not UTF-8", async () => {
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("base64url");
    expect((await refusalOf(`${head}.${bytes}.${signature}`)).message).toContain("not JSON");
  });

  test.each(["[]", "null", "1", '"alice"', "true"])("claims that are %s", async (text) => {
    expect((await refusalOf(keys.toHmacToken(text))).message).toContain("not a JSON object");
  });

  test.each([
    ["crit", { alg: "HS256", crit: ["exp"] }],
    ["an empty crit", { alg: "HS256", crit: [] }],
    ["b64", { alg: "HS256", b64: false, crit: ["b64"] }],
    ["a kid that is no text", { alg: "HS256", kid: 1 }],
    ["a very long kid", { alg: "HS256", kid: "x".repeat(257) }],
    ["another type", { alg: "HS256", typ: "logout+jwt" }],
    ["a type that is no text", { alg: "HS256", typ: ["JWT"] }],
  ])("a header with %s", async (_, header) => {
    expect((await refusalOf(keys.toHmacToken(claims, header))).message).toMatch(/crit|kid|typ/);
  });
});

describe("several keys", () => {
  const one = { ...readJwk(keys.p256.publicKey.export({ format: "jwk" }), "one"), id: "one" };
  const two = { ...keys.toPublic(keys.rsa.publicKey), id: "two" };

  test("are told apart by kid and by algorithm", async () => {
    const issuer = keys.issuerOf([one, two]);
    for (const header of [{ alg: "ES256" }, { alg: "ES256", kid: "one" }]) {
      expect((await verify(await signWith(keys.p256.privateKey, header), [issuer])).user.id).toBe(
        "alice",
      );
    }
    for (const kid of ["two", "three", "", "__proto__"]) {
      await refusalOf(await signWith(keys.p256.privateKey, { alg: "ES256", kid }), [issuer]);
    }
  });

  test("of several issuers are told apart by iss", async () => {
    const other = new Secret(
      new TextEncoder().encode("another secret, of thirty-two bytes or more"),
    );
    const issuers = [
      keys.issuerOf([toSecretKey(keys.secret)], "https://a"),
      keys.issuerOf([toSecretKey(other)], "https://b", "party"),
    ];
    const sign = (iss: string, key: Secret, more = {}) =>
      keys.toHmacToken({ ...claims, iss, ...more }, { alg: "HS256" }, key.reveal());
    expect((await verify(sign("https://a", keys.secret), issuers)).issuer).toBe("https://a");
    expect((await verify(sign("https://b", other, { aud: "party" }), issuers)).issuer).toBe(
      "https://b",
    );
    for (const forged of [
      sign("https://a", other),
      sign("https://b", keys.secret, { aud: "party" }),
      sign("https://c", keys.secret),
      keys.toHmacToken(claims),
    ]) {
      expect((await refusalOf(forged, issuers)).message).toBe(untrusted);
    }
    expect((await refusalOf(sign("https://b", other), issuers)).message).toContain('no "aud"');
  });

  test("of one issuer may be two secrets, while one takes the place of the other", async () => {
    const other = new Secret(
      new TextEncoder().encode("another secret, of thirty-two bytes or more"),
    );
    const issuers = [keys.secret, other].map((each) => keys.issuerOf([toSecretKey(each)], "me"));
    for (const key of [keys.secret, other]) {
      const token = keys.toHmacToken({ ...claims, iss: "me" }, { alg: "HS256" }, key.reveal());
      expect((await verify(token, issuers)).user.id).toBe("alice");
    }
  });
});

test("no text whatever throws anything but a refusal", async () => {
  const parts = fc.oneof(
    fc.string(),
    fc.json().map(keys.encode),
    fc
      .record({ alg: fc.constantFrom("HS256", "RS256", "none", 1), kid: fc.anything() })
      .map(keys.encode),
    fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("base64url")),
  );
  const forms = fc.oneof(
    fc.string({ unit: "binary", maxLength: 9_000 }),
    fc.array(parts, { minLength: 1, maxLength: 5 }).map((each) => each.join(".")),
    // Signed ones, so that every rule for claims is met too.
    fc.json().map((text) => keys.toHmacToken(text)),
    fc
      .record(
        {
          sub: fc.anything(),
          name: fc.anything(),
          exp: fc.anything(),
          nbf: fc.anything(),
          iat: fc.anything(),
          aud: fc.anything(),
          iss: fc.anything(),
          jti: fc.anything(),
          rooms: fc.anything(),
        },
        { requiredKeys: [] },
      )
      .map((each) => keys.toHmacToken(fc.stringify(each))),
  );
  const issuers = [
    keys.issuerOf([toSecretKey(keys.secret), keys.toPublic(keys.rsa.publicKey)]),
    keys.issuerOf([keys.toPublic(keys.p256.publicKey)]),
  ];
  await fc.assert(
    fc.asyncProperty(forms, async (text) => {
      try {
        expect((await verify(text, issuers)).user.id).not.toBe("");
      } catch (error) {
        expect(error).toBeInstanceOf(TokenRefusal);
      }
    }),
    { numRuns: 1_000 },
  );
});
