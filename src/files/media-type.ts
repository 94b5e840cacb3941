/** A file's name → its media type. */

/**
 * Endings that Bun's table does not know, or knows as something that a person would not expect:
 * source code is text to whoever downloads it, also where a browser would rather run it.
 */
const ownTypes: Readonly<Record<string, string>> = {
  ts: "text/plain",
  tsx: "text/plain",
  jsx: "text/plain",
  rs: "text/plain",
  py: "text/plain",
  go: "text/plain",
  rb: "text/plain",
  sh: "text/plain",
  sql: "text/plain",
  toml: "text/plain",
  diff: "text/plain",
  patch: "text/plain",
  jsonl: "application/jsonl",
  ndjson: "application/x-ndjson",
  srt: "application/x-subrip",
  jxl: "image/jxl",
  wav: "audio/wav",
  flac: "audio/flac",
  m4a: "audio/mp4",
  yaml: "application/yaml",
  yml: "application/yaml",
};

/** Types outside `text/` that are text in UTF-8 all the same. */
const textTypes = /^(text\/.*|application\/(json|jsonl|x-ndjson|yaml|x-subrip)|.*\+json)$/;

/**
 * What a browser would run or apply. Our own pages may load scripts and style sheets from their own
 * origin, and files lie there too; with nosniff no browser takes text/plain for either.
 */
const activeTypes = /^(text|application)\/((x-)?(java|ecma|live|j)script.*|css)$/;

/**
 * Names the media type that a file's ending stands for, with `charset=utf-8` where it is text.
 * XML says its own encoding, so it gets none. Unknown endings are `application/octet-stream`.
 */
export function toMediaType(name: string): string {
  const ending = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const known = Object.hasOwn(ownTypes, ending) ? ownTypes[ending] : undefined;
  // Only the ending goes in: a file is never opened to guess what it holds.
  const type = known ?? Bun.file(`file.${ending}`).type;
  const essence = type.split(";")[0] ?? "";
  if (essence === "") return "application/octet-stream";
  if (activeTypes.test(essence)) return "text/plain;charset=utf-8";
  return textTypes.test(essence) ? `${essence};charset=utf-8` : essence;
}
