/** What a bench found, and how it is shown. */

/** One number against its target. `isMet` is null where there is no target. */
export interface Finding {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly isMet: boolean | null;
}

/** Measures for a while and says what it found. */
export type Bench = () => Promise<readonly Finding[]>;

/**
 * Runs benches one after the other, prints their findings (as JSON with `--json`), and ends the
 * process: with 1 when a target was missed.
 */
export async function present(benches: readonly Bench[]): Promise<never> {
  const findings: Finding[] = [];
  for (const bench of benches) {
    process.stderr.write(`${bench.name}…\n`);
    findings.push(...(await bench()));
  }
  if (process.argv.includes("--json")) console.log(JSON.stringify(findings, null, 2));
  else for (const line of toTable(findings)) console.log(line);
  process.exit(findings.some(({ isMet }) => isMet === false) ? 1 : 0);
}

/** The middle of some numbers, the upper one of two. @throws when there are none */
export function median(numbers: readonly number[]): number {
  const middle = numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
  if (middle === undefined) throw new Error("There is no median of nothing.");
  return middle;
}

/** Writes a ratio as people read it. */
export function times(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

/** Writes a whole number with its thousands apart. */
export function count(number: number): string {
  return Math.round(number).toLocaleString("en-US");
}

function toTable(findings: readonly Finding[]): string[] {
  const rows = findings.map(({ what, target, measured, isMet }) => [
    what,
    target,
    measured,
    isMet === null ? "" : isMet ? "met" : "MISSED",
  ]);
  const head = ["what", "target", "measured", "verdict"];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
