/** Waiting for something to become true, with a deadline instead of a guess. */

const pollMs = 5;
/** A little less than a test may take, so that it says what it waited for on the slowest machine, too. */
const patienceMs = 18_000;

/**
 * Resolves to the first value of `look` that is neither false, null nor undefined.
 * @throws Error naming `what` when that did not happen within `deadlineMs`
 */
export async function eventually<Value>(
  what: string,
  look: () => Value | Promise<Value>,
  deadlineMs = patienceMs,
): Promise<NonNullable<Exclude<Value, false>>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== null && value !== false) {
      return value as NonNullable<Exclude<Value, false>>;
    }
    if (performance.now() > end) throw new Error(`Waited ${deadlineMs} ms in vain: ${what}`);
    await Bun.sleep(pollMs);
  }
}
