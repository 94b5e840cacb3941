import { expect, test } from "bun:test";
import fc from "fast-check";
import { toContentDisposition } from "../../src/files/content-disposition.ts";

test("a plain name goes out once, in quotes", () => {
  expect(toContentDisposition("inline", "report 1.txt")).toBe('inline; filename="report 1.txt"');
});

test.each([
  ["Отчёт.txt", '"_____.txt"', "%D0%9E%D1%82%D1%87%D1%91%D1%82.txt"],
  ["报告.pdf", '"__.pdf"', "%E6%8A%A5%E5%91%8A.pdf"],
  ["a😀b", '"a_b"', "a%F0%9F%98%80b"],
  ['a"b', '"a_b"', "a%22b"],
  ["a\\b", '"a_b"', "a%5Cb"],
  ["100%.txt", '"100_.txt"', "100%25.txt"],
  ["a\r\nSet-Cookie: b", '"a__Set-Cookie: b"', "a%0D%0ASet-Cookie%3A%20b"],
  ["né(1)*'.txt", '"n_(1)*\'.txt"', "n%C3%A9%281%29%2A%27.txt"],
])("%j goes out in ASCII and in UTF-8", (name, plain, extended) => {
  const expected = `attachment; filename=${plain}; filename*=UTF-8''${extended}`;
  expect(toContentDisposition("attachment", name)).toBe(expected);
});

test("no name breaks out of its parameter, and each can be read back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (given) => {
      const name = given.toWellFormed();
      const field = toContentDisposition("attachment", name);
      const pattern =
        /^attachment; filename="([ !#-[\]-~]*)"(?:; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*))?$/;
      const [, plain = "", extended] = pattern.exec(field) ?? [];
      expect(field).toMatch(pattern);
      expect(extended === undefined ? plain : decodeURIComponent(extended)).toBe(name);
    }),
  );
});
