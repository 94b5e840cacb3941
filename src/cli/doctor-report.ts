/** How findings are shown: a row each for people, or all as JSON. */

import type { Finding, Verdict } from "./doctor-finding.ts";
import { formatCount } from "./quantity.ts";
import { toVisible } from "./visible-text.ts";

const verdictWidth = "warning".length;
const checkWidth = "open files there".length;
const indent = 2 + verdictWidth + 2 + checkWidth + 2;
const textWidthMin = 40;
const colors: Readonly<Record<Verdict, string>> = {
  ok: "\x1b[32m",
  warning: "\x1b[33m",
  failed: "\x1b[31m",
  skipped: "\x1b[2m",
};

/** How rows look. `columns` is undefined where lines are not broken, as in a pipe. */
export interface RowForm {
  readonly isColored: boolean;
  readonly columns: number | undefined;
}

/** What `--json` prints. `isComplete` is false where it was ended, or nobody was there to ask. */
export interface DoctorReport {
  readonly url: string;
  readonly isWell: boolean;
  readonly isComplete: boolean;
  readonly durationMs: number;
  readonly counts: Readonly<Record<Verdict, number>>;
  readonly findings: readonly Finding[];
}

/** Counts the findings of each verdict. */
export function countVerdicts(findings: readonly Finding[]): Readonly<Record<Verdict, number>> {
  const counts = { ok: 0, warning: 0, failed: 0, skipped: 0 };
  for (const { verdict } of findings) counts[verdict] += 1;
  return counts;
}

/** Writes one finding, below its group's name where it is the first of it. */
export function formatFinding(finding: Finding, isFirst: boolean, form: RowForm): string {
  const { group, check, verdict, seen, advice } = finding;
  const paint = (text: string, color: string) => (form.isColored ? `${color}${text}\x1b[0m` : text);
  const title = isFirst ? `\n${paint(group, "\x1b[1m")}\n` : "";
  const mark = paint(verdict.padEnd(verdictWidth), colors[verdict]);
  const lines = wrap(toVisible(seen), form);
  if (advice !== undefined) lines.push(...wrap(`→ ${toVisible(advice)}`, form));
  const [first = "", ...others] = lines;
  const rest = others.map((line) => `${" ".repeat(indent)}${line}\n`).join("");
  return `${title}  ${mark}  ${check.padEnd(checkWidth)}  ${first}\n${rest}`;
}

/** Writes the last line. */
export function formatSummary({ counts, isComplete }: DoctorReport): string {
  const { ok, warning, failed, skipped } = counts;
  const parts = [`${ok} ok`, formatCount(warning, "warning"), `${failed} failed`];
  if (skipped > 0) parts.push(`${skipped} skipped`);
  const rest = isComplete ? "" : " The rest was not looked at.";
  return `\n${parts.join(", ")}.${rest}\n`;
}

function wrap(text: string, { columns }: RowForm): string[] {
  if (columns === undefined) return [text];
  const width = Math.max(textWidthMin, columns - indent);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
