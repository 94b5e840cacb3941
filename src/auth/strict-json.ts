/** JSON in which every name stands once in its object. */

/**
 * Reads JSON and refuses a repeated name at any depth. RFC 7519 section 4 lets a reader take the last
 * one; then two readers of one token may see two users in it, which is what an attacker needs.
 * @throws SyntaxError
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // The text is JSON by now, so strings and brackets are all that has to be told apart.
  const open: (Set<unknown> | null)[] = [];
  let string = "";
  for (const [sign] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (sign === "{") open.push(new Set());
    else if (sign === "[") open.push(null);
    else if (sign === "}" || sign === "]") open.pop();
    else if (sign === ":") addName(open.at(-1), JSON.parse(string));
    else string = sign;
  }
  return value;
}

/** Tells whether a value read from JSON is an object: not null, and no array. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function addName(names: Set<unknown> | null | undefined, name: unknown): void {
  if (names?.has(name)) throw new SyntaxError("a name stands twice in one object");
  names?.add(name);
}
