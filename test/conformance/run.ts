/**
 * Holds Partyline to tests that nobody here wrote: `bun run conformance [suite…]`. Without names it runs
 * those that are quick, with `--all` every one; `--totals FILE` writes "N M", passed and failed, for a script.
 * Ends with 1 when something fails beyond the known list, or cannot run while CI is set.
 */

import { parseArgs } from "node:util";
import { judge, type Suite, type Verdict } from "./suite.ts";
import { suites } from "./suites.ts";
import { Toolbox } from "./toolbox.ts";

/** Failures of one suite that are shown; one defect tends to break many cases. */
const shownMax = 20;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: "boolean", default: false }, totals: { type: "string" } },
});
const unknown = positionals.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  const names = suites.map(({ name }) => name).join(", ");
  console.error(`There is no suite ${unknown.join(", ")}; there are ${names}.`);
  process.exit(2);
}
const chosen = suites.filter(({ name, isLong }) => {
  return positionals.length > 0 ? positionals.includes(name) : values.all || !isLong;
});
const toolbox = new Toolbox();
const missing = await toolbox.prepare(new Set(chosen.flatMap(({ needs }) => needs)));
const verdicts: Verdict[] = [];
for (const suite of chosen) {
  const absent = suite.needs.filter((tool) => missing.has(tool));
  if (absent.length > 0) {
    verdicts.push(refuse(suite, absent.map((tool) => missing.get(tool)).join("; ")));
    continue;
  }
  console.log(`${suite.name}…`);
  const verdict = await judge(suite, toolbox);
  verdicts.push(verdict);
  for (const { name, failure } of verdict.failed.slice(0, shownMax)) {
    console.log(`  FAILED ${name}: ${failure}`);
  }
  for (const name of verdict.outdated) console.log(`  passes now, though listed as known: ${name}`);
}
print(verdicts);
const failed = verdicts.reduce((sum, verdict) => sum + verdict.failed.length, 0);
const passed = verdicts.reduce((sum, verdict) => sum + countPassed(verdict), 0);
if (values.totals !== undefined) await Bun.write(values.totals, `${passed} ${failed}\n`);
process.exit(failed > 0 ? 1 : 0);

/** What cannot run is said, and is a failure where nothing may be left out in silence. */
function refuse({ name }: Suite, why: string): Verdict {
  console.log(`LEFT OUT ${name}: ${why}`);
  const failed = process.env.CI ? [{ name, failure: why }] : [];
  return { suite: name, cases: failed.length, failed, known: [], outdated: [], seconds: 0 };
}

function countPassed({ cases, failed, known }: Verdict): number {
  return cases - failed.length - known.length;
}

function print(rows: readonly Verdict[]): void {
  const cells = rows.map((verdict) => [
    verdict.suite,
    String(verdict.cases),
    String(countPassed(verdict)),
    String(verdict.failed.length),
    String(verdict.known.length),
    `${verdict.seconds.toFixed(0)} s`,
  ]);
  const table = [["suite", "cases", "passed", "failed", "known", "took"], ...cells];
  const widths = table[0]?.map((_, column) => {
    return Math.max(...table.map((row) => row[column]?.length ?? 0));
  });
  console.log();
  for (const row of table) {
    const line = row.map((cell, column) => {
      const width = widths?.[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(line.join("  "));
  }
}
