/** A secret that shows itself to nobody who does not ask for it by name. */

const shown = "(secret)";

/** Bytes shared with whoever signs tokens. Logged, printed or written as JSON it is `(secret)`. */
export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, for signing and verifying only. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  toString(): string {
    return shown;
  }

  toJSON(): string {
    return shown;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return shown;
  }
}

/** Bytes that a secret must have at least: as many as SHA-256 gives, by RFC 7518 section 3.2. */
export const secretBytesMin = 32;
/** Bytes that it may have at most. */
export const secretBytesMax = 4_096;

/** Makes a secret of text, or returns undefined where it is too short or too long. */
export function toSecret(text: string | Uint8Array): Secret | undefined {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const isFit = bytes.length >= secretBytesMin && bytes.length <= secretBytesMax;
  return isFit ? new Secret(bytes) : undefined;
}

/** The algorithms that a secret is long enough for: a shorter key would weaken the longer hashes. */
export function algorithmsOfSecret(bytes: Uint8Array): readonly string[] {
  const lengths = { HS256: 32, HS384: 48, HS512: 64 };
  return Object.entries(lengths)
    .filter(([, bytesMin]) => bytes.length >= bytesMin)
    .map(([name]) => name);
}
