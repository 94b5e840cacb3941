import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { readSigningKey, signToken } from "../../src/auth/signing.ts";
import { verifyToken } from "../../src/auth/token.ts";
import { readPublicKeys } from "../../src/auth/verification-key.ts";
import { loadSelfSigned } from "../../src/http/self-signed.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import * as keys from "./keys.ts";

const rsaAlgorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

function algorithmsIn(text: string): (readonly string[])[] {
  return readPublicKeys(text, "key.pem").map(({ algorithms }) => algorithms);
}

describe("a public key", () => {
  test.each([
    ["RSA", keys.rsa, rsaAlgorithms],
    ["P-256", keys.p256, ["ES256"]],
    ["P-384", keys.p384, ["ES384"]],
    ["P-521", keys.p521, ["ES512"]],
    ["Ed25519", keys.ed25519, ["EdDSA", "Ed25519"]],
  ])("of %s is pinned to its algorithms, in PEM and as a JWK", (_, { publicKey }, algorithms) => {
    expect(algorithmsIn(keys.toPem(publicKey))).toEqual([algorithms]);
    expect(algorithmsIn(JSON.stringify(publicKey.export({ format: "jwk" })))).toEqual([algorithms]);
  });

  test("may be in PKCS#1, and in a certificate", async () => {
    const pkcs1 = keys.rsa.publicKey.export({ type: "pkcs1", format: "pem" }).toString();
    expect(algorithmsIn(pkcs1)).toEqual([rsaAlgorithms]);
    using folder = createTemporaryFolder();
    await loadSelfSigned(folder.path, "localhost", Date.now());
    const certificate = await Bun.file(join(folder.path, "self-signed.crt")).text();
    expect(algorithmsIn(certificate)).toEqual([["ES256"]]);
  });

  test("of a JWK is pinned to the JWK's own alg, and has its kid", () => {
    const jwk = { ...keys.rsa.publicKey.export({ format: "jwk" }), alg: "PS256", kid: "one" };
    const [key] = readPublicKeys(JSON.stringify({ keys: [jwk] }), "keys.json");
    expect([key?.id, key?.algorithms]).toEqual(["one", ["PS256"]]);
  });

  const weak = generateKeyPairSync("rsa", { modulusLength: 1_024 }).publicKey;
  const jwk = keys.p256.publicKey.export({ format: "jwk" });

  test.each([
    ["a private key in PEM", keys.toPem(keys.rsa.privateKey), "holds a private key"],
    [
      "a private JWK",
      JSON.stringify(keys.p256.privateKey.export({ format: "jwk" })),
      "private key",
    ],
    ["a secret as a JWK", JSON.stringify({ kty: "oct", k: "AAAA" }), "holds a secret"],
    ["a weak key", keys.toPem(weak), "RSA of 2048 to 8192 bits"],
    ["a JWK whose alg is another key's", JSON.stringify({ ...jwk, alg: "HS256" }), 'whose "alg"'],
    ["a JWK for encryption", JSON.stringify({ ...jwk, use: "enc" }), "not for verifying"],
    ["a point that is not on the curve", JSON.stringify({ ...jwk, x: jwk.y }), "no public key"],
    ["two keys in PEM", keys.toPem(weak).repeat(2), "must hold one key"],
    ["an empty set", '{"keys":[]}', "holds no key"],
    ["a set of something else", '{"keys":[1]}', "holds no JWK"],
    ["broken JSON", "{", "neither PEM nor JSON"],
    ["text", "hello", "must hold one key in PEM"],
    ["nothing", "", "must hold one key in PEM"],
    ["broken PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key"],
  ])("is not %s", (_, text, sentence) => {
    expect(() => readPublicKeys(text, "key.pem")).toThrow(sentence);
    expect(() => readPublicKeys(text, "key.pem")).toThrow(/^key\.pem /);
  });
});

describe("a private key", () => {
  test.each([
    ["RSA", keys.rsa, "RS256"],
    ["P-256", keys.p256, "ES256"],
    ["P-384", keys.p384, "ES384"],
    ["P-521", keys.p521, "ES512"],
    ["Ed25519", keys.ed25519, "EdDSA"],
  ])("of %s signs what its public key verifies", async (_, pair, algorithm) => {
    const key = readSigningKey(keys.toPem(pair.privateKey), "key.pem");
    expect(key.algorithm).toBe(algorithm);
    const issuer = keys.issuerOf([keys.toPublic(pair.publicKey)]);
    const token = await signToken({ sub: "alice" }, key);
    expect((await verifyToken(token, [issuer], keys.now, 0)).user.id).toBe("alice");
  });

  test("of a JWK gives the token its kid and alg", async () => {
    const jwk = { ...keys.rsa.privateKey.export({ format: "jwk" }), alg: "PS384", kid: "one" };
    const token = await signToken({}, readSigningKey(JSON.stringify(jwk), "key.json"));
    const header = Buffer.from(token.split(".")[0] ?? "", "base64url").toString();
    expect(JSON.parse(header)).toEqual({ alg: "PS384", typ: "JWT", kid: "one" });
  });

  test.each([["hello"], ["{"], [keys.toPem(keys.rsa.publicKey)], [""]])("is not %j", (text) => {
    expect(() => readSigningKey(text, "key.pem")).toThrow(/^key\.pem holds no private key/);
  });
});
