/** Claims → who somebody is, what they may do, and until when. */

import { readUsername } from "../protocol/field.ts";
import type { Sender } from "../protocol/frame.ts";
import { limits } from "../protocol/limits.ts";
import { createGrant, type Grant, readRooms } from "./grant.ts";
import { TokenRefusal } from "./token-refusal.ts";

/** What a token proved. Times are milliseconds since 1970. */
export interface VerifiedToken {
  readonly user: Sender;
  readonly grant: Grant;
  /**
   * When a connection with this token ends: its `exp`. For one that was taken after that, within the
   * leeway, the end of the leeway. Null when it does not run out.
   */
  readonly expiresAt: number | null;
  /** Its `iat`, or null. */
  readonly issuedAt: number | null;
  /** Its `jti`, or null. */
  readonly id: string | null;
  /** Its `iss`, or null. */
  readonly issuer: string | null;
}

/** What claims are held against. Null where nothing is asked for. */
export interface Expectation {
  readonly issuer: string | null;
  readonly audience: string | null;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds that two clocks may differ. */
  readonly leewayMs: number;
}

type Claims = Readonly<Record<string, unknown>>;

/** Characters of a `sub` and of a `jti`. */
const idLengthMax = 128;
/** The last second of the year 9999, beyond which no date can be written. */
const secondsMax = 253_402_300_799;
/** Controls, and format signs that turn or hide the text around them. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * Reads the claims of a token whose signature holds.
 * @throws unauthenticated when one is missing, wrong, or not fulfilled
 */
export function readClaims(claims: Claims, expectation: Expectation): VerifiedToken {
  const { issuer, audience } = expectation;
  const issued = readText(claims, "iss");
  if (issuer !== null && issued !== issuer) {
    throw new TokenRefusal('The token\'s "iss" is not an issuer that this server accepts.');
  }
  checkAudience(claims.aud, audience);
  const { expiresAt, issuedAt } = readTimes(claims, expectation);
  const rules = readRooms(claims.rooms);
  if (rules === undefined) {
    throw new TokenRefusal(
      'The token\'s "rooms" must be an object of room patterns, each with a list of ' +
        "read, write, presence, upload, admin.",
    );
  }
  return {
    user: readUser(claims),
    grant: createGrant(rules),
    expiresAt,
    issuedAt,
    id: readText(claims, "jti"),
    issuer: issued,
  };
}

/** RFC 7519 section 4.1.3: who is not among those that a token is for must refuse it. */
function checkAudience(claim: unknown, audience: string | null): void {
  if (claim === undefined && audience === null) return;
  const named: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  if (audience !== null && named.includes(audience)) return;
  throw claim === undefined
    ? new TokenRefusal('The token has no "aud", and this server asks for one.')
    : new TokenRefusal(
        'The token is for another audience: its "aud" does not name this server.',
        audience === null
          ? 'The token has an "aud", but no token-audience is configured.'
          : undefined,
      );
}

function readTimes(
  claims: Claims,
  { now, leewayMs }: Expectation,
): { expiresAt: number | null; issuedAt: number | null } {
  const endsAt = readTime(claims, "exp");
  const startsAt = readTime(claims, "nbf");
  const issuedAt = readTime(claims, "iat");
  if (endsAt !== null && now >= endsAt + leewayMs) {
    throw new TokenRefusal(`The token expired at ${write(endsAt)}.`);
  }
  if (startsAt !== null && now < startsAt - leewayMs) {
    throw new TokenRefusal(`The token is not valid before ${write(startsAt)}.`);
  }
  // Otherwise it would slip through a revocation of all tokens issued before now.
  if (issuedAt !== null && now < issuedAt - leewayMs) {
    throw new TokenRefusal(`The token says that it is issued in the future, ${write(issuedAt)}.`);
  }
  const isLate = endsAt !== null && now >= endsAt;
  return { expiresAt: isLate ? endsAt + leewayMs : endsAt, issuedAt };
}

function readUser(claims: Claims): Sender {
  const id = readText(claims, "sub");
  if (id === null) throw new TokenRefusal('The token has no "sub".');
  // A leading tilde is how the ids of anonymous users begin: nobody may pass for one of them.
  if (id.startsWith("~")) throw new TokenRefusal('The token\'s "sub" must not begin with "~".');
  const name = readName(claims.name, "name") ?? readName(shorten(id), "sub") ?? id;
  return { id, name };
}

function readName(value: unknown, claim: string): string | undefined {
  try {
    return readUsername(value);
  } catch {
    throw new TokenRefusal(
      `The token's "${claim}" must be 1 to ${limits.usernameLengthMax} visible characters.`,
    );
  }
}

function shorten(id: string): string {
  return [...id].slice(0, limits.usernameLengthMax).join("");
}

/** Reads `iss`, `sub` or `jti`; null if absent. */
function readText(claims: Claims, name: string): string | null {
  const value = claims[name];
  if (value === undefined) return null;
  const lengthMax = name === "iss" ? 2_048 : idLengthMax;
  const isText = typeof value === "string" && value !== "" && value.length <= lengthMax;
  if (isText && value.isWellFormed() && !unprintable.test(value)) return value;
  throw new TokenRefusal(
    `The token's "${name}" must be text of 1 to ${lengthMax} visible characters.`,
  );
}

/** Reads a NumericDate of RFC 7519, seconds since 1970, as milliseconds; null if absent. */
function readTime(claims: Claims, name: string): number | null {
  const value = claims[name];
  if (value === undefined) return null;
  if (typeof value === "number" && value >= 0 && value <= secondsMax) {
    return Math.floor(value * 1_000);
  }
  throw new TokenRefusal(`The token's "${name}" must be seconds since 1970, as a number.`);
}

function write(at: number): string {
  return new Date(at).toISOString();
}
