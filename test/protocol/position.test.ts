import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatPosition,
  formatPositions,
  parsePosition,
  parsePositions,
  parseSince,
} from "../../src/protocol/position.ts";

const digits = "0123456789abcdefghijklmnopqrstuvwxyz";
const signs = `${digits.toUpperCase()}${digits}_.:~-`;
const epoch = fc.string({
  unit: fc.constantFrom(...digits),
  minLength: 1,
  maxLength: 32,
});
const offset = fc.nat({ max: 9_007_199_254_740_991 });
const room = fc.string({ unit: fc.constantFrom(...signs), minLength: 1, maxLength: 128 });

describe("a position", () => {
  test("written is read back", () => {
    fc.assert(
      fc.property(epoch, offset, (epoch, offset) => {
        expect(parsePosition(formatPosition(epoch, offset))).toEqual({ epoch, offset });
      }),
    );
  });

  test("is refused unless it is exactly one", () => {
    const refused = [
      "",
      ":",
      "a",
      "a:",
      ":1",
      "a:-1",
      "a:+1",
      "a:01",
      "a:00",
      "a:1.0",
      "a:1e3",
      "a:0x1",
      " a:1",
      "a:1 ",
      "a:1\n",
      "a\n:1",
      "A:1",
      "a:1:2",
      "a-b:1",
      "a:١",
      "a:９",
      `${"a".repeat(33)}:1`,
      "a:9007199254740992",
      "a:99999999999999999999",
    ];
    for (const text of refused) expect([text, parsePosition(text)]).toEqual([text, undefined]);
  });

  test("is accepted at its limits", () => {
    expect(parsePosition("a:0")).toEqual({ epoch: "a", offset: 0 });
    expect(parsePosition("a:9007199254740991")?.offset).toBe(Number.MAX_SAFE_INTEGER);
    expect(parsePosition(`${"z".repeat(32)}:1`)?.epoch).toBe("z".repeat(32));
  });

  test("read from any text is undefined or writes that very text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-z:]{0,40}$/)), (text) => {
        const position = parsePosition(text);
        if (position !== undefined) {
          expect(formatPosition(position.epoch, position.offset)).toBe(text);
        }
      }),
    );
  });

  test("may be one of two words where a reader asks", () => {
    expect(parseSince("start")).toBe("start");
    expect(parseSince("end")).toBe("end");
    for (const text of ["Start", "END", "start ", "", "null"]) {
      expect(parseSince(text)).toBeUndefined();
    }
  });
});

describe("positions of several rooms", () => {
  test("written are read back", () => {
    const places = fc.uniqueArray(fc.tuple(room, fc.record({ epoch, offset })), {
      maxLength: 50,
      minLength: 1,
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(places, (places) => {
        const positions = new Map(places);
        expect(parsePositions(formatPositions(positions))).toEqual(positions);
      }),
    );
  });

  test("at their longest are still read back", () => {
    const positions = new Map(
      Array.from({ length: 50 }, (_, index) => [
        `${"$".padEnd(126, "r")}${String(index).padStart(2, "0")}`,
        { epoch: "z".repeat(32), offset: Number.MAX_SAFE_INTEGER },
      ]),
    );
    expect(parsePositions(formatPositions(positions))).toEqual(positions);
  });

  test("may be words as well", () => {
    const places = parsePositions("a@start,b@x:1,c@end");
    expect([...(places ?? [])]).toEqual([
      ["a", "start"],
      ["b", { epoch: "x", offset: 1 }],
      ["c", "end"],
    ]);
  });

  test("are refused when any part is malformed, and when far too long", () => {
    for (const text of ["", ",", "a", "a@", "@x:1", "a@x:1,", ",a@x:1", "a@x:1;b@x:1", "a@b@x:1"]) {
      expect([text, parsePositions(text)]).toEqual([text, undefined]);
    }
    expect(parsePositions(Array(2_000).fill("a@x:1").join(","))).toBeUndefined();
  });
});
