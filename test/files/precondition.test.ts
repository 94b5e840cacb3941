import { describe, expect, test } from "bun:test";
import { evaluatePreconditions } from "../../src/files/precondition.ts";

// Half a second past a full one: HTTP dates do not see it.
const modifiedAt = Date.UTC(2026, 10, 16, 10, 0, 0, 500);
const same = "Mon, 16 Nov 2026 10:00:00 GMT";
const before = "Mon, 16 Nov 2026 09:59:59 GMT";
const after = "Mon, 16 Nov 2026 10:00:01 GMT";

function evaluate(headers: Record<string, string>) {
  return evaluatePreconditions(new Headers(headers), { etag: '"abc"', modifiedAt });
}

describe("a single precondition", () => {
  test.each([
    ["if-match", '"abc"', "proceed"],
    ["if-match", '"x", "abc"', "proceed"],
    ["if-match", "*", "proceed"],
    ["if-match", '"x"', "failed"],
    ["if-match", 'W/"abc"', "failed"],
    ["if-match", "abc", "failed"],
    ["if-match", "", "failed"],
    ["if-unmodified-since", same, "proceed"],
    ["if-unmodified-since", after, "proceed"],
    ["if-unmodified-since", before, "failed"],
    ["if-unmodified-since", "yesterday", "proceed"],
    ["if-none-match", '"abc"', "not_modified"],
    ["if-none-match", 'W/"abc"', "not_modified"],
    ["if-none-match", '"x","abc"', "not_modified"],
    ["if-none-match", '"x, y", W/"abc"', "not_modified"],
    ["if-none-match", "*", "not_modified"],
    ["if-none-match", '"x"', "proceed"],
    ["if-none-match", "abc", "proceed"],
    ["if-none-match", '"ab', "proceed"],
    ["if-modified-since", same, "not_modified"],
    ["if-modified-since", after, "not_modified"],
    ["if-modified-since", before, "proceed"],
    ["if-modified-since", "2026-11-16T10:00:00Z", "proceed"],
    ["if-modified-since", "Mon, 99 Nov 2026 10:00:00 GMT", "proceed"],
  ] as const)("%s: %s → %s", (name, value, outcome) => {
    expect(evaluate({ [name]: value })).toBe(outcome);
  });
});

test("the two old forms of a date are understood, in UTC", () => {
  expect(evaluate({ "if-modified-since": "Monday, 16-Nov-26 10:00:00 GMT" })).toBe("not_modified");
  expect(evaluate({ "if-modified-since": "Monday, 16-Nov-26 09:59:59 GMT" })).toBe("proceed");
  expect(evaluate({ "if-modified-since": "Mon Nov 16 10:00:00 2026" })).toBe("not_modified");
  expect(evaluate({ "if-modified-since": "Mon Nov 16 09:59:59 2026" })).toBe("proceed");
});

describe("several preconditions", () => {
  test("If-Match makes If-Unmodified-Since be ignored", () => {
    expect(evaluate({ "if-match": '"abc"', "if-unmodified-since": before })).toBe("proceed");
  });
  test("If-None-Match makes If-Modified-Since be ignored", () => {
    expect(evaluate({ "if-none-match": '"x"', "if-modified-since": same })).toBe("proceed");
  });
  test("a failed If-Match comes before If-None-Match", () => {
    expect(evaluate({ "if-match": '"x"', "if-none-match": '"abc"' })).toBe("failed");
  });
  test("a fulfilled If-Match leaves If-None-Match to decide", () => {
    expect(evaluate({ "if-match": '"abc"', "if-none-match": '"abc"' })).toBe("not_modified");
  });
});
