/** A file's name → the `Content-Disposition` header, by RFC 6266 and RFC 8187. */

/**
 * Says what to do with a file and what to call it. A name outside plain ASCII goes out twice: as
 * `filename*` in UTF-8 and, for clients that cannot read that, as `filename` with a `_` for each
 * sign that ASCII or a quoted string does not hold. Whatever the name, the result is one line of
 * printable ASCII. The name must be well-formed Unicode.
 */
export function toContentDisposition(kind: "inline" | "attachment", name: string): string {
  // `%` is left out as well: some clients decode it in the plain form too (RFC 6266, appendix D).
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, "_");
  const quoted = `${kind}; filename="${plain}"`;
  return plain === name ? quoted : `${quoted}; filename*=UTF-8''${encodeExtended(name)}`;
}

/** RFC 8187 `ext-value`: everything but `attr-char` is percent-encoded. */
function encodeExtended(name: string): string {
  return encodeURIComponent(name).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
