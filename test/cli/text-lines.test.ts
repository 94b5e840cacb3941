import { expect, test } from "bun:test";
import { LineRefusal, splitLines } from "../../src/cli/text-lines.ts";

async function split(pieces: readonly (string | Uint8Array)[], bytesMax = 10): Promise<string[]> {
  const input = async function* () {
    for (const piece of pieces) yield typeof piece === "string" ? Buffer.from(piece) : piece;
  };
  return Array.fromAsync(splitLines(input(), bytesMax));
}

test.each<[(string | Uint8Array)[], string[]]>([
  [[], []],
  [[""], []],
  [["a\nb\r\n\nc"], ["a", "b", "", "c"]],
  [
    ["a", "b\nc", "\r", "\n"],
    ["ab", "c"],
  ],
  [[Uint8Array.of(0xe2), Uint8Array.of(0x82), Uint8Array.of(0xac, 0x0a)], ["€"]],
  [["\ufeffa\n"], ["\ufeffa"]],
  [["0123456789\n0123456789"], ["0123456789", "0123456789"]],
])("%j are lines, however they come", async (pieces, lines) => {
  expect(await split(pieces)).toEqual(lines);
});

test.each<[(string | Uint8Array)[], string]>([
  [["ok\n01234567890\n"], "Line 2 is over the limit of 10 bytes."],
  [["012345", "67890"], "Line 1 is over the limit of 10 bytes."],
  [["a\n", Uint8Array.of(0xff, 0x0a)], "Line 2 is not UTF-8; only --file sends bytes."],
  [[Uint8Array.of(0xe2, 0x82)], "Line 1 is not UTF-8; only --file sends bytes."],
])("%j are refused by the number of the line", async (pieces, sentence) => {
  expect(split(pieces)).rejects.toThrow(new LineRefusal(sentence));
});
