/** What the doctor found: one row for each thing it looked at. */

/** `skipped` is what could not be looked at, or need not be. */
export type Verdict = "ok" | "warning" | "failed" | "skipped";

/** Numbers of a finding for a program, by name with the unit in it. */
export type Numbers = Readonly<Record<string, number | string | boolean | null>>;

/** One row. `advice` is one sentence about what to change. */
export interface Finding {
  readonly group: string;
  readonly check: string;
  readonly verdict: Verdict;
  readonly seen: string;
  readonly advice?: string;
  readonly numbers?: Numbers;
}

/** Takes the findings of one group. */
export class Notes {
  readonly #group: string;
  readonly #secret: string | undefined;
  readonly #hear: (finding: Finding) => void;

  /** `secret` is shown nowhere, whatever a server answers. */
  constructor(group: string, secret: string | undefined, hear: (finding: Finding) => void) {
    this.#group = group;
    this.#secret = secret;
    this.#hear = hear;
  }

  ok(check: string, seen: string, numbers?: Numbers): void {
    this.#note({ check, verdict: "ok", seen, numbers });
  }

  warn(check: string, seen: string, advice: string, numbers?: Numbers): void {
    this.#note({ check, verdict: "warning", seen, advice, numbers });
  }

  fail(check: string, seen: string, advice: string, numbers?: Numbers): void {
    this.#note({ check, verdict: "failed", seen, advice, numbers });
  }

  skip(check: string, why: string): void {
    this.#note({ check, verdict: "skipped", seen: why });
  }

  #note(found: Omit<Finding, "group">): void {
    this.#hear({ group: this.#group, ...found, seen: this.#hide(found.seen) });
  }

  #hide(text: string): string {
    return this.#secret === undefined ? text : text.replaceAll(this.#secret, "(the token)");
  }
}
