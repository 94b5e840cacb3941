import { expect, test } from "bun:test";
import { toVisible, toVisibleJson } from "../../src/cli/visible-text.ts";

test.each([
  ["plain €, 日本, 👩‍👩‍👧 and \\n", "plain €, 日本, 👩‍👩‍👧 and \\n"],
  ["tab\tstays", "tab\tstays"],
  ["two\nlines\r", "two\\nlines\\r"],
  ["\x1b[2J\x07\x00\x7f\x9b", "\\u001b[2J\\u0007\\u0000\\u007f\\u009b"],
  ["\u202egnp.\u2066\u2028", "\\u202egnp.\\u2066\\u2028"],
  ["\ud83d", "\\ud83d"],
])("%j is shown as %j", (text, shown) => {
  expect(toVisible(text)).toBe(shown);
});

test("JSON that is shown says the same, and holds nothing that a terminal obeys", () => {
  for (let code = 0; code <= 0xffff; code += 1) {
    const value = { [`a${String.fromCharCode(code)}b`]: [String.fromCharCode(code), code] };
    const shown = toVisibleJson(value);
    expect(JSON.parse(shown)).toEqual(value);
    if (/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(shown)) throw new Error(`${code}`);
  }
});
