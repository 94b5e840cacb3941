import { expect, test } from "bun:test";
import { findTrace } from "../../src/telemetry/trace.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const span = "b7ad6b7169203331";

function find(traceparent: string) {
  return findTrace(new Headers({ traceparent }));
}

test("the ids of a traceparent are found", () => {
  expect(find(`00-${trace}-${span}-01`)).toEqual({ trace, span });
  expect(find(` 00-${trace}-${span}-00 `)).toEqual({ trace, span }); // HTTP trims it
});

test("a version to come may say more, version 00 may not", () => {
  expect(find(`cc-${trace}-${span}-01-what-the-future-brings`)).toEqual({ trace, span });
  expect(find(`cc-${trace}-${span}-01`)).toEqual({ trace, span });
  expect(find(`00-${trace}-${span}-01-more`)).toBeUndefined();
});

test("what breaks the grammar is ignored", () => {
  for (const text of [
    "",
    "00",
    `ff-${trace}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace.slice(1)}-${span}-01`,
    `00-${trace}f-${span}-01`,
    `00-${trace}-${span}-1`,
    `00-${trace}-${span}-zz`,
    `00-${trace}-${span}`,
    `0-${trace}-${span}-01`,
    `00_${trace}_${span}_01`,
    `cc-${trace}-${span}-01more`,
    `00-${trace}-${span}-01, 00-${trace}-${span}-01`,
    `cc-${trace}-${span}-01-${"x".repeat(600)}`,
    "'; DROP TABLE messages; --",
  ]) {
    expect([text, find(text)]).toEqual([text, undefined]);
  }
  expect(findTrace(new Headers())).toBeUndefined();
});
