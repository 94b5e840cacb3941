import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PartylineError } from "../../src/protocol/errors.ts";
import { readLimit, readMessageId, readSince, readUsername } from "../../src/protocol/field.ts";

/** The message of a refusal, which must name the field; undefined when nothing was refused. */
function refusal(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof PartylineError && thrown.code === "bad_frame") return thrown.message;
    throw thrown;
  }
}

describe("a username", () => {
  test("is visible text of up to 40 code points, trimmed and composed", () => {
    expect(readUsername("Alice")).toBe("Alice");
    expect(readUsername("  Ada Lovelace ")).toBe("Ada Lovelace");
    expect(readUsername("Zoe\u0308")).toBe("Zoë");
    expect(readUsername("小明")).toBe("小明");
    expect(readUsername("👩‍🚀")).toBe("👩‍🚀"); // joined by U+200D
    expect(readUsername("می‌خواهم")).toBe("می‌خواهم"); // Persian needs U+200C
    expect(readUsername("😀".repeat(40))).toBe("😀".repeat(40));
    expect(readUsername("a".repeat(40))).toBe("a".repeat(40));
    expect(readUsername(undefined)).toBeUndefined();
    expect(readUsername(null)).toBeUndefined();
  });

  test("is refused when it is empty, too long or no text", () => {
    for (const name of [
      "",
      " ",
      "\u3000\u00a0",
      "a".repeat(41),
      "😀".repeat(41),
      1,
      {},
      [],
      true,
    ]) {
      expect(refusal(() => readUsername(name))).toContain('"username"');
    }
  });

  test("is refused when it hides or turns text", () => {
    const signs = [
      "\0",
      "\u0007",
      "\n",
      "\u007f",
      "\u0085",
      "\u00ad",
      "\u034f",
      "\u061c",
      "\u115f",
      "\u180e",
      "\u200b",
      "\u200e",
      "\u200f",
      "\u2028",
      "\u2029",
      "\u202a",
      "\u202e",
      "\u2060",
      "\u2066",
      "\u2069",
      "\u206f",
      "\u2800",
      "\u3164",
      "\ufeff",
      "\uffa0",
      "\ufff9",
      "\u{e0041}",
      "\ud800",
      "\udfff",
    ];
    for (const sign of signs) {
      const label = `U+${sign.codePointAt(0)?.toString(16)}`;
      expect([label, refusal(() => readUsername(`a${sign}b`))]).toEqual([
        label,
        expect.stringContaining('"username"'),
      ]);
    }
  });

  test("is refused when nothing of it can be seen", () => {
    for (const name of ["\u200d", "\u200c\u200d", "\ufe0f", "\u0301"]) {
      expect(refusal(() => readUsername(name))).toContain('"username"');
    }
  });

  test("of any text is well-formed, or refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 50 }), (text) => {
        let name: string | undefined;
        if (refusal(() => (name = readUsername(text))) !== undefined) return;
        expect(name?.isWellFormed()).toBe(true);
        expect(name?.trim()).toBe(name ?? "");
        expect([...(name ?? "")].length).toBeLessThanOrEqual(40);
        expect(readUsername(name)).toBe(name ?? "");
      }),
      { numRuns: 500 },
    );
  });

  test("of any length is refused past its limit", () => {
    expect(refusal(() => readUsername("e\u0301".repeat(40)))).toBeUndefined();
    expect(refusal(() => readUsername("e\u0301".repeat(500_000)))).toContain('"username"');
  });
});

describe("a message id", () => {
  test("is text of 1 to 128 characters", () => {
    for (const id of ["a", "a".repeat(128), "é ✓", "__proto__", "0"]) {
      expect(readMessageId(id)).toBe(id);
    }
    expect(readMessageId(undefined)).toBeUndefined();
    expect(readMessageId(null)).toBeUndefined();
  });

  test("is refused otherwise", () => {
    for (const id of ["", "a".repeat(129), 7, {}, [], true, "a\n", "\0", "a\u0085"]) {
      expect(refusal(() => readMessageId(id))).toContain('"id"');
    }
  });

  test("is refused with half a surrogate pair, which a store would take for another", () => {
    for (const id of ["\ud800", "a\udc00", "\udc00\ud800"]) {
      expect(refusal(() => readMessageId(id))).toContain('"id"');
    }
    expect(readMessageId("\ud83d\ude00")).toBe("😀");
  });
});

describe("a limit", () => {
  test("is a whole number from 1 to 500, and 50 if absent", () => {
    expect([readLimit(1), readLimit(500), readLimit(undefined), readLimit(null)]).toEqual([
      1, 500, 50, 50,
    ]);
    for (const limit of [0, 501, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5", [5], true]) {
      expect(refusal(() => readLimit(limit))).toContain('"limit"');
    }
  });
});

describe("a place to read from", () => {
  test("is a position or a word, and the end if absent", () => {
    expect(readSince("abc:7")).toEqual({ epoch: "abc", offset: 7 });
    expect([readSince("start"), readSince("end"), readSince(undefined)]).toEqual([
      "start",
      "end",
      "end",
    ]);
  });

  test("is refused with the name of its field", () => {
    for (const since of ["", "now", "a:-1", 7, {}, ["start"], true]) {
      expect(refusal(() => readSince(since))).toContain('"since"');
      expect(refusal(() => readSince(since, "before"))).toContain('"before"');
    }
  });
});
