import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isServedName, parseRequestPath } from "../../src/files/request-path.ts";

describe("parseRequestPath", () => {
  test("reads the root with and without its slash", () => {
    expect(parseRequestPath("")).toEqual({ names: [], endsWithSlash: false });
    expect(parseRequestPath("/")).toEqual({ names: [], endsWithSlash: true });
  });

  test("decodes each name once", () => {
    const { names } = parseRequestPath("/%D0%BC%D0%B8%D1%80/a%20b%25.txt") ?? {};
    expect(names).toEqual(["мир", "a b%.txt"]);
    expect(parseRequestPath("/%252e%252e")?.names).toEqual(["%2e%2e"]);
  });

  test("takes one slash at the end as the mark of a folder", () => {
    expect(parseRequestPath("/a/b/")).toEqual({ names: ["a", "b"], endsWithSlash: true });
    expect(parseRequestPath("/a/b")).toEqual({ names: ["a", "b"], endsWithSlash: false });
  });

  const refused = [
    "//",
    "//a",
    "/a//b",
    "/a//",
    "/.",
    "/..",
    "/a/../b",
    "/%2e%2e/b",
    "/.%2E/b",
    "/.git/config",
    "/a/.env",
    "/%2eenv",
    "/a%2fb",
    "/a%2Fb",
    "/a%5cb",
    "/a\\b",
    "/..%5c..%5cb",
    "/a%00",
    "/%",
    "/%zz",
    "/%e0%a4%a",
    "/%c0%ae%c0%ae/b",
    "/%ff",
    "/%ed%a0%80",
    "a",
    `/${"a".repeat(256)}`,
    `/${"%D0%BC".repeat(128)}`,
    "/a".repeat(65),
  ];
  test.each(refused)("refuses %p", (path) => {
    expect(parseRequestPath(path)).toBeNull();
  });

  test("accepts names and paths at their limits", () => {
    expect(parseRequestPath(`/${"a".repeat(255)}`)?.names).toHaveLength(1);
    expect(parseRequestPath("/a".repeat(64))?.names).toHaveLength(64);
  });

  test("brings back every name that may be served, whatever is in it", () => {
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).filter(isServedName);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 10 }), (names) => {
        const path = names.map((one) => `/${encodeURIComponent(one)}`).join("");
        expect(parseRequestPath(path)?.names).toEqual(names);
      }),
    );
  });

  test("never lets a name through that could lead elsewhere", () => {
    const piece = fc.constantFrom(
      "..",
      ".",
      "%2e",
      "%2f",
      "%5c",
      "\\",
      "%00",
      "/",
      "%25",
      "a",
      "é",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const parsed = parseRequestPath(`/${pieces.join("")}`);
        for (const name of parsed?.names ?? []) expect(name).toMatch(/^[^./\\\0][^/\\\0]*$/);
      }),
    );
  });
});
