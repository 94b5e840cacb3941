/** Tokens in: a text becomes a user with a grant, or is refused. */

import { compactVerify, errors } from "jose";
import { readClaims, type VerifiedToken } from "./claims.ts";
import { type Compact, parseCompact } from "./compact.ts";
import type { Issuer } from "./issuer.ts";
import { refuseSignature } from "./token-refusal.ts";
import type { VerificationKey } from "./verification-key.ts";

/** Keys of one issuer that are tried for one token: an attacker must not choose how much we verify. */
const triesMax = 4;

/**
 * Verifies a token. Its `iss` picks the issuers, its `kid` and `alg` the keys; a key only ever meets
 * the algorithms it is pinned to. Claims are looked at after the signature, so that whoever cannot
 * sign learns nothing from them. `now` and `leewayMs` are milliseconds.
 *
 * @throws unauthenticated in one sentence for the token's owner
 * @throws unavailable when an issuer's keys cannot be fetched
 */
export async function verifyToken(
  text: string,
  issuers: readonly Issuer[],
  now: number,
  leewayMs: number,
): Promise<VerifiedToken> {
  const token = parseCompact(text);
  const named = issuers.filter(({ name }) => name === null || name === token.claims.iss);
  if (named.length === 0) throw refuseSignature('Its "iss" is not a configured issuer.');
  const found: VerificationKey[] = [];
  for (const { name, audience, keys } of named) {
    const all = await keys.find(token.keyId);
    for (const key of fitting(all, token)) {
      if (await isSignedBy(key, token)) {
        return readClaims(token.claims, { issuer: name, audience, now, leewayMs });
      }
    }
    found.push(...all);
  }
  throw refuseSignature(whyNone(found, token));
}

function fitting(keys: readonly VerificationKey[], token: Compact): readonly VerificationKey[] {
  const { algorithm, keyId } = token;
  return keys
    .filter(({ id }) => id === null || keyId === null || id === keyId)
    .filter(({ algorithms }) => algorithms.includes(algorithm))
    .slice(0, triesMax);
}

async function isSignedBy(key: VerificationKey, { text, algorithm }: Compact): Promise<boolean> {
  try {
    await compactVerify(text, key.material, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

/** Says for whoever runs the server why no key was the right one. */
function whyNone(keys: readonly VerificationKey[], token: Compact): string {
  const { algorithm, keyId } = token;
  if (fitting(keys, token).length > 0) {
    return keyId === null && keys.length > triesMax
      ? `Its signature holds with none of the first ${triesMax} keys, and it names no "kid".`
      : "Its signature does not hold.";
  }
  const known = [...new Set(keys.flatMap(({ algorithms }) => algorithms))];
  if (!known.includes(algorithm)) {
    const takes = known.join(", ") || "none";
    return `Its "alg" ${JSON.stringify(algorithm)} goes with no key here; they take ${takes}.`;
  }
  return `No key here has its "kid" ${JSON.stringify(keyId)}.`;
}
