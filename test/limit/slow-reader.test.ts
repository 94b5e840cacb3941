import { expect, test } from "bun:test";
import { isSlowReaderRule, toLatestOnly } from "../../src/limit/slow-reader.ts";

test.each([
  "cut",
  "drop-to-latest",
  "drop-to-latest:price-*",
  "drop-to-latest:price-*, score,$clock",
  "drop-to-latest:*",
])("%s is a rule for slow readers", (rule) => {
  expect(isSlowReaderRule(rule)).toBe(true);
});

test.each([
  "",
  "drop",
  "cut:a",
  "drop-to-latest:",
  "drop-to-latest:a,,b",
  "drop-to-latest:a b",
  "drop-to-latest:a*b",
  "drop-to-latest:$other",
  `drop-to-latest:${"a".repeat(129)}`,
  `drop-to-latest:${"a,".repeat(1_000)}a`,
])("%p is none", (rule) => {
  expect(isSlowReaderRule(rule)).toBe(false);
});

test.each([
  ["cut", []],
  ["drop-to-latest", ["general", "price-gold"]],
  ["drop-to-latest:*,$clock", ["general", "price-gold", "$clock"]],
  ["drop-to-latest:price-*", ["price-gold"]],
  ["drop-to-latest:general , $*", ["general", "$clock", "$server"]],
])("%s is for %p", (rule, expected) => {
  const isLatestOnly = toLatestOnly(rule);
  const rooms = ["general", "price-gold", "$clock", "$server"];
  expect(rooms.filter((room) => isLatestOnly(room))).toEqual(expected);
});
