/** What a suite of somebody else's tests is, and what its outcome means. */

import type { Tool, Toolbox } from "./toolbox.ts";

/** One thing that was looked at. `failure` says what was wrong, and is null where nothing was. */
export interface Check {
  readonly name: string;
  readonly failure: string | null;
}

/** Tests that nobody here wrote, or that hold us to a program that nobody here wrote. */
export interface Suite {
  readonly name: string;
  readonly needs: readonly Tool[];
  /** Takes minutes: left out unless it is named, or everything is asked for. */
  readonly isLong?: true;
  /**
   * Checks that fail for a reason that is not ours, by name, or by the beginning of names with a `*`
   * behind it. Each stands with its reason in the manual, in `conformance.md`.
   */
  readonly known: Readonly<Record<string, string>>;
  /** @throws when the tests could not be run at all */
  run(toolbox: Toolbox): Promise<readonly Check[]>;
}

/** What became of a suite. */
export interface Verdict {
  readonly suite: string;
  readonly cases: number;
  readonly failed: readonly Check[];
  readonly known: readonly Check[];
  /** Entries of the list of known failures that no check met: they should leave the list. */
  readonly outdated: readonly string[];
  readonly seconds: number;
}

/** Runs a suite. What keeps it from running at all counts as one failed case. */
export async function judge(suite: Suite, toolbox: Toolbox): Promise<Verdict> {
  const startedAt = performance.now();
  const checks = await suite.run(toolbox).catch((thrown) => {
    return [{ name: `${suite.name} as a whole`, failure: String(thrown) }];
  });
  const patterns = Object.keys(suite.known);
  const failures = checks.filter(({ failure }) => failure !== null);
  const isKnown = ({ name }: Check) => patterns.some((pattern) => matches(pattern, name));
  return {
    suite: suite.name,
    cases: checks.length,
    failed: failures.filter((check) => !isKnown(check)),
    known: failures.filter(isKnown),
    outdated: patterns.filter((pattern) => !failures.some(({ name }) => matches(pattern, name))),
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** Reads the lines `name: ok` and `name: what was wrong` of a script of ours. */
export function readChecks(output: string): Check[] {
  return output
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", ...rest] = line.split(": ");
      const said = rest.join(": ");
      return { name, failure: said === "ok" ? null : said };
    });
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
