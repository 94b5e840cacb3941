/** Keys that tokens are verified with, each pinned to its algorithms. */

import { createPublicKey, type JsonWebKeyInput, type KeyObject } from "node:crypto";
import { KeyError } from "./key-error.ts";
import { algorithmsOfSecret, type Secret } from "./secret.ts";
import { isJsonObject } from "./strict-json.ts";

/**
 * One key. It answers for its own algorithms and no other, so that a public key is never taken for
 * the secret of an HS token (RFC 8725 section 2.1). `id` is its `kid`, or null.
 */
export interface VerificationKey {
  readonly id: string | null;
  readonly algorithms: readonly string[];
  readonly material: Uint8Array | KeyObject;
}

/** Keys taken from a JWK set at most; providers have fewer than ten. */
export const keysMax = 100;

const rsaAlgorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const rsaBitsMin = 2_048;
/** Verifying takes time with the square of this, and a key may come from another's server. */
const rsaBitsMax = 8_192;
const curveAlgorithms: Readonly<Record<string, string>> = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
};

/** Makes the key of a secret. */
export function toSecretKey(secret: Secret): VerificationKey {
  const material = secret.reveal();
  return { id: null, algorithms: algorithmsOfSecret(material), material };
}

/**
 * Reads the public keys in a file: PEM (SPKI, PKCS#1 or an X.509 certificate, whose dates are not
 * looked at), a JWK, or a JWK set. `name` says in sentences what file it is.
 * @throws KeyError
 */
export function readPublicKeys(text: string, name: string): readonly VerificationKey[] {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw privateKeyIn(name);
  if (!text.trimStart().startsWith("{")) {
    const count = text.split("-----BEGIN ").length - 1;
    if (count !== 1) throw new KeyError(`${name} must hold one key in PEM, or a JWK.`);
    return [toKey(() => createPublicKey(text), name)];
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new KeyError(`${name} is neither PEM nor JSON.`);
  }
  if (!isJsonObject(value)) throw new KeyError(`${name} holds no JWK.`);
  const members = Array.isArray(value.keys) ? value.keys.slice(0, keysMax) : [value];
  const keys = members.map((member) => readJwk(member, name));
  if (keys.length === 0) throw new KeyError(`${name} holds no key.`);
  return keys;
}

/**
 * Reads one JWK. `name` says in sentences where it stands.
 * @throws KeyError when it is private, symmetric, weak, or not for verifying signatures
 */
export function readJwk(value: unknown, name: string): VerificationKey {
  if (!isJsonObject(value)) throw new KeyError(`${name} holds no JWK.`);
  const { kty, kid, alg, use, key_ops: operations } = value;
  if (kty === "oct") throw new KeyError(`${name} holds a secret, not a public key.`);
  if (Object.hasOwn(value, "d")) throw privateKeyIn(name);
  const isForSigning = use === undefined || use === "sig";
  if (!isForSigning || (Array.isArray(operations) && !operations.includes("verify"))) {
    throw new KeyError(`${name} holds a key that is not for verifying signatures.`);
  }
  const jwk: JsonWebKeyInput["key"] = value;
  const { algorithms, material } = toKey(() => createPublicKey({ key: jwk, format: "jwk" }), name);
  const pinned = alg === undefined ? algorithms : algorithms.filter((each) => each === alg);
  if (pinned.length === 0) throw new KeyError(`${name} holds a key whose "alg" is not its own.`);
  return { id: typeof kid === "string" ? kid : null, algorithms: pinned, material };
}

/** The signature algorithms that go with a key's type; empty where it is weak or unknown. */
export function algorithmsOfKey(key: KeyObject): readonly string[] {
  const { modulusLength = 0, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "rsa":
      return modulusLength >= rsaBitsMin && modulusLength <= rsaBitsMax ? rsaAlgorithms : [];
    case "ec": {
      const algorithm = curveAlgorithms[namedCurve];
      return algorithm === undefined ? [] : [algorithm];
    }
    case "ed25519":
      return ["EdDSA", "Ed25519"];
    default:
      return [];
  }
}

function toKey(create: () => KeyObject, name: string): VerificationKey {
  let material: KeyObject;
  try {
    material = create();
  } catch {
    throw unsupported(name);
  }
  const algorithms = algorithmsOfKey(material);
  if (algorithms.length === 0) throw unsupported(name);
  return { id: null, algorithms, material };
}

function unsupported(name: string): KeyError {
  return new KeyError(
    `${name} holds no public key of a supported kind: RSA of ${rsaBitsMin} to ${rsaBitsMax} bits, ` +
      "P-256, P-384, P-521 or Ed25519, in PEM or as a JWK.",
  );
}

function privateKeyIn(name: string): KeyError {
  return new KeyError(`${name} holds a private key; give the public one, and keep that elsewhere.`);
}
