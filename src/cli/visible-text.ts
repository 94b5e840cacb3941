/** Foreign text on a terminal: shown, never obeyed. */

/**
 * Control characters, which move the cursor, set the title or answer in one's name (C0, DEL, C1), signs
 * that turn the direction of writing around, line separators, and halves of a sign.
 */
const hidden = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const allHidden = new RegExp(hidden, "gu");
const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\t" };

/** Writes text on one line, with an escape such as `\u001b` for each sign that a terminal would obey. */
export function toVisible(text: string): string {
  if (!hidden.test(text)) return text;
  return text.replace(allHidden, (sign) => short[sign] ?? toEscape(sign));
}

/** Writes JSON on one line that a terminal can show. It says the same to whoever parses it. */
export function toVisibleJson(value: unknown): string {
  const json = JSON.stringify(value);
  return hidden.test(json) ? json.replace(allHidden, toEscape) : json;
}

function toEscape(sign: string): string {
  return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
