/** `traceparent`: the trace that a request is a part of, by the W3C's Trace Context. */

/** As it goes into log lines. */
export interface Trace {
  /** The trace's id: 32 hexadecimal digits. */
  readonly trace: string;
  /** The id of the span that asked: 16 hexadecimal digits. */
  readonly span: string;
}

/** Section 3.2 of the recommendation. Versions to come may add fields behind a dash. */
const grammar =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
/** Longer than any that is known; nobody needs to look further. */
const lengthMax = 512;

/** Reads the header of a request. What breaks the grammar is ignored, as the recommendation asks. */
export function findTrace(headers: Headers): Trace | undefined {
  const text = headers.get("traceparent");
  if (text === null || text.length > lengthMax) return undefined;
  const [, version, trace, span, more] = grammar.exec(text) ?? [];
  if (trace === undefined || span === undefined) return undefined;
  return version === "00" && more !== undefined ? undefined : { trace, span };
}
