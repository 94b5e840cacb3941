import { expect, test } from "bun:test";
import { readText } from "../support/source-tree.ts";
import { suites } from "./suites.ts";

const manual = await readText("public/docs/conformance.md");

test("every suite stands in the manual, with each case that is known to fail and the reason", () => {
  const lines = manual.split("\n");
  const missing = suites.flatMap(({ name, known }) => [
    ...(lines.some((line) => line.startsWith(`| \`${name}\` |`)) ? [] : [name]),
    ...Object.entries(known)
      .map(([pattern, reason]) => `| \`${name}\` | \`${pattern}\` | ${reason} |`)
      .filter((row) => !lines.includes(row)),
  ]);
  expect(missing).toEqual([]);
});

test("the manual lists no failure that is not known", () => {
  const rows = manual.matchAll(/^\| `([a-z0-9-]+)` \| `([^`]+)` \| .* \|$/gm);
  const listed = [...rows].map(([, name, pattern]) => `${name} ${pattern}`);
  const known = suites.flatMap(({ name, known: cases }) =>
    Object.keys(cases).map((pattern) => `${name} ${pattern}`),
  );
  expect(listed.sort()).toEqual(known.sort());
});
