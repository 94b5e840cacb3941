/** The last minutes, as the columns that charts are drawn from. */

/** How much is kept, in milliseconds. */
export const keptMs = 600_000;
/** Numbers come once a second. After a longer silence no line is drawn across it. */
const gapMs = 2_500;

/** Rows of numbers by time; null stands where nothing is known. Holds {@link keptMs} at most. */
export class History {
  /** Seconds since 1970 by this machine's clock, ascending. */
  readonly times: number[] = [];
  readonly columns: readonly (number | null)[][];

  constructor(columnCount: number) {
    this.columns = Array.from({ length: columnCount }, () => []);
  }

  /** Adds a row. `at` is in milliseconds since 1970. */
  add(at: number, row: readonly (number | null)[]): void {
    const last = this.#last;
    // The clock was set back: what is kept would stand in the future.
    if (last !== undefined && at <= last) this.#drop(this.times.length);
    else if (last !== undefined && at - last > gapMs) this.interrupt();
    this.#push(at, row);
    const firstKept = this.times.findIndex((time) => time * 1_000 >= at - keptMs);
    if (firstKept > 0) this.#drop(firstKept);
  }

  /** Ends the lines: whatever comes next begins new ones. */
  interrupt(): void {
    const last = this.#last;
    if (last === undefined || this.columns.every((column) => column.at(-1) === null)) return;
    this.#push(
      last + 1,
      Array.from(this.columns, () => null),
    );
  }

  get #last(): number | undefined {
    const time = this.times.at(-1);
    return time === undefined ? undefined : time * 1_000;
  }

  #push(at: number, row: readonly (number | null)[]): void {
    this.times.push(at / 1_000);
    this.columns.forEach((column, index) => {
      column.push(row[index] ?? null);
    });
  }

  #drop(howMany: number): void {
    this.times.splice(0, howMany);
    for (const column of this.columns) column.splice(0, howMany);
  }
}
