/** Preconditions of RFC 9110, section 13, for a GET or HEAD of something that exists. */

/** What a precondition compares with. */
export interface Validators {
  /** An entity tag in its quotes. */
  readonly etag: string;
  /** Milliseconds since 1970; HTTP sees whole seconds of it. */
  readonly modifiedAt: number;
}

export type Outcome = "proceed" | "not_modified" | "failed";

/**
 * Evaluates `If-Match`, `If-Unmodified-Since`, `If-None-Match` and `If-Modified-Since` in the
 * order of section 13.2.2. `If-Range` comes after them and is not looked at here. A date that is
 * none is ignored; an entity tag that is none matches nothing.
 */
export function evaluatePreconditions(
  headers: Pick<Headers, "get">,
  { etag, modifiedAt }: Validators,
): Outcome {
  const modifiedSecond = Math.floor(modifiedAt / 1000) * 1000;
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!matches(ifMatch, etag, "strong")) return "failed";
  } else {
    const since = toTime(headers.get("if-unmodified-since"));
    if (since !== null && modifiedSecond > since) return "failed";
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) return matches(ifNoneMatch, etag, "weak") ? "not_modified" : "proceed";
  const since = toTime(headers.get("if-modified-since"));
  return since !== null && modifiedSecond <= since ? "not_modified" : "proceed";
}

function matches(field: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (field.trim() === "*") return true;
  for (const [, weakness, tag] of field.matchAll(/(W\/)?("[\x21\x23-\x7e\x80-\u{10ffff}]*")/gu)) {
    if (tag === etag && (comparison === "weak" || weakness === undefined)) return true;
  }
  return false;
}

const day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const month = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";
const clock = "\\d\\d:\\d\\d:\\d\\d";
/** The three forms of section 5.6.7. The two old ones must still be understood. */
const dateForms = [
  new RegExp(`^${day}, \\d\\d ${month} \\d{4} ${clock} GMT$`),
  new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \\d\\d-${month}-\\d\\d ${clock} GMT$`),
  new RegExp(`^${day} ${month} [\\d ]\\d ${clock} \\d{4}$`),
];

/** Milliseconds since 1970, or null where the field is missing or no HTTP-date. */
function toTime(field: string | null): number | null {
  if (field === null || !dateForms.some((form) => form.test(field))) return null;
  // The oldest form names no zone, and would be read in that of the machine.
  const time = Date.parse(field.endsWith("GMT") ? field : `${field} GMT`);
  return Number.isNaN(time) ? null : time;
}
