/** A token as text: its three parts, read more strictly than the signature's library does. */

import { isJsonObject, parseStrictJson } from "./strict-json.ts";
import { TokenRefusal } from "./token-refusal.ts";

/** Signs of the longest token that is looked at. */
export const tokenLengthMax = 8_192;

/** A token whose form is right. Nothing of it is proven. */
export interface Compact {
  /** The token itself. */
  readonly text: string;
  readonly algorithm: string;
  /** The `kid`, or null. */
  readonly keyId: string | null;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

const shape = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;
const keyIdLengthMax = 256;
/** RFC 8725 section 3.11: a token made for another purpose names another type. */
const types: readonly unknown[] = [undefined, "jwt", "at+jwt", "application/jwt"];

/**
 * Takes a token apart.
 *
 * jose 6.2 reads base64url with padding, blanks and leftover bits, so that one signature would go
 * with many texts; here each part has exactly one. The header's `alg` is only read: whether a key
 * goes with it is asked elsewhere, and no key goes with `none`.
 *
 * @throws unauthenticated
 */
export function parseCompact(text: string): Compact {
  if (text.length > tokenLengthMax) {
    throw new TokenRefusal(`The token is longer than ${tokenLengthMax} characters.`);
  }
  const [, head, body, signature] = shape.exec(text) ?? [];
  if (head === undefined || body === undefined || signature === undefined) {
    throw new TokenRefusal("The token is not a JWT: it must be three parts of base64url.");
  }
  const header = readPart(head, "header");
  const claims = readPart(body, "payload");
  decode(signature, "signature");
  const { alg, kid, typ } = header;
  // An extension that must be understood, and none is: RFC 7515 section 4.1.11.
  if (Object.hasOwn(header, "crit") || Object.hasOwn(header, "b64")) {
    throw new TokenRefusal('The token\'s header has "crit" or "b64", which is not supported.');
  }
  if (typeof alg !== "string" || alg === "") {
    throw new TokenRefusal('The token\'s header has no "alg".');
  }
  if (kid !== undefined && (typeof kid !== "string" || kid.length > keyIdLengthMax)) {
    throw new TokenRefusal(
      `The token's "kid" must be text of at most ${keyIdLengthMax} characters.`,
    );
  }
  if (!types.includes(typeof typ === "string" ? typ.toLowerCase() : typ)) {
    throw new TokenRefusal('The token\'s "typ" must be "JWT" or "at+jwt", or left out.');
  }
  return { text, algorithm: alg, keyId: kid ?? null, header, claims };
}

function readPart(part: string, name: string): Record<string, unknown> {
  const bytes = decode(part, name);
  let value: unknown;
  try {
    // A byte order mark is kept, so that JSON refuses it.
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    value = parseStrictJson(decoder.decode(bytes));
  } catch {
    throw new TokenRefusal(`The token's ${name} is not JSON in which each name stands once.`);
  }
  if (!isJsonObject(value)) throw new TokenRefusal(`The token's ${name} is not a JSON object.`);
  return value;
}

function decode(part: string, name: string): Buffer {
  const bytes = Buffer.from(part, "base64url");
  if (bytes.toString("base64url") === part) return bytes;
  throw new TokenRefusal(`The token's ${name} is not base64url as RFC 7515 writes it.`);
}
