/** Tokens out: claims become a signed text. */

import { createPrivateKey, type JsonWebKeyInput, type KeyObject } from "node:crypto";
import { CompactSign } from "jose";
import { KeyError } from "./key-error.ts";
import type { Secret } from "./secret.ts";
import { isJsonObject } from "./strict-json.ts";
import { algorithmsOfKey } from "./verification-key.ts";

/** A key that tokens are signed with. `id` becomes the `kid`; null leaves it out. */
export interface SigningKey {
  readonly algorithm: string;
  readonly id: string | null;
  readonly material: Uint8Array | KeyObject;
}

/** Makes the signing key of a secret: HS256, which every secret is long enough for. */
export function toSigningKey(secret: Secret): SigningKey {
  return { algorithm: "HS256", id: null, material: secret.reveal() };
}

/**
 * Reads a private key: PEM (PKCS#8, PKCS#1 or SEC1) or a JWK, whose `kid` and `alg` are used.
 * `name` says in sentences what file it is.
 * @throws KeyError
 */
export function readSigningKey(text: string, name: string): SigningKey {
  const isJwk = text.trimStart().startsWith("{");
  let key: KeyObject;
  let jwk: Record<string, unknown> = {};
  try {
    const value: unknown = isJwk ? JSON.parse(text) : {};
    if (isJsonObject(value)) jwk = value;
    const given: JsonWebKeyInput["key"] = jwk;
    key = createPrivateKey(isJwk ? { key: given, format: "jwk" } : text);
  } catch {
    throw new KeyError(`${name} holds no private key in PEM without a passphrase, or as a JWK.`);
  }
  const algorithms = algorithmsOfKey(key);
  const algorithm = jwk.alg === undefined ? algorithms[0] : algorithms.find((a) => a === jwk.alg);
  if (algorithm === undefined) {
    throw new KeyError(
      `${name} holds a private key of no supported kind: RSA from 2048 bits, P-256, P-384, P-521 ` +
        "or Ed25519.",
    );
  }
  return { algorithm, id: typeof jwk.kid === "string" ? jwk.kid : null, material: key };
}

/** Signs claims as they are. */
export function signToken(claims: object, { algorithm, id, material }: SigningKey) {
  const header = { alg: algorithm, typ: "JWT", ...(id === null ? {} : { kid: id }) };
  const payload = new TextEncoder().encode(JSON.stringify(claims));
  return new CompactSign(payload).setProtectedHeader(header).sign(material);
}
