/** Keys and tokens for tests; the keys are made once, because RSA takes a while. */

import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { Issuer } from "../../src/auth/issuer.ts";
import { Secret } from "../../src/auth/secret.ts";
import {
  readPublicKeys,
  toSecretKey,
  type VerificationKey,
} from "../../src/auth/verification-key.ts";

export const secretText = "a secret of sixty-four bytes, which is long enough for all of them";
export const secret = new Secret(new TextEncoder().encode(secretText));

export const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
export const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
export const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
export const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
export const ed25519 = generateKeyPairSync("ed25519");

export const now = 1_763_690_000_000;
export const nowSeconds = now / 1_000;

/** Writes a key as PEM. */
export function toPem(key: KeyObject): string {
  const type = key.type === "private" ? "pkcs8" : "spki";
  return key.export({ type, format: "pem" }).toString();
}

/** Reads a public key as a server would. */
export function toPublic(key: KeyObject): VerificationKey {
  const [found] = readPublicKeys(toPem(key), "the key");
  if (found === undefined) throw new Error("no key");
  return found;
}

/** An issuer with these keys. */
export function issuerOf(
  keys: readonly VerificationKey[],
  name: string | null = null,
  audience: string | null = null,
): Issuer {
  return { name, audience, keys: { find: async () => keys } };
}

export const secretIssuer = issuerOf([toSecretKey(secret)]);

/** base64url of a text, or of a value as JSON. */
export function encode(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString(
    "base64url",
  );
}

/** An HS token made by hand, so that anything may stand in it. Texts are taken as they are. */
export function toHmacToken(
  claims: unknown,
  header: unknown = { alg: "HS256" },
  key: string | Uint8Array = secret.reveal(),
  hash = "sha256",
): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac(hash, key).update(input).digest("base64url")}`;
}

/** An ECDSA token over P-256 and SHA-256, its signature raw (IEEE P1363) or in DER. */
export function toEcToken(
  claims: unknown,
  key: KeyObject,
  dsaEncoding: "ieee-p1363" | "der",
  header: unknown = { alg: "ES256" },
): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding }).toString("base64url")}`;
}
