/** Do the clocks of both sides agree? Tokens begin and run out by them. */

import type { Notes } from "./doctor-finding.ts";
import { round } from "./doctor-network.ts";
import type { Visit } from "./doctor-visit.ts";

const differenceMsMax = 2_000;

/** Compares by the ticks of `$clock`, or else by the `Date` of an answer, which a proxy may set. */
export function checkClock({ learned }: Visit, notes: Notes): void {
  const { ticks, roundTripMs = 0, dateDifferenceMs } = learned;
  // The one that came fastest was held back the least.
  const byTicks = ticks.map(({ at, arrivedAt }) => at + roundTripMs / 2 - arrivedAt);
  const isExact = byTicks.length > 0;
  const difference = isExact ? Math.max(...byTicks) : dateDifferenceMs;
  if (difference === undefined) {
    notes.skip("clock", "no answer tells the time");
    return;
  }
  const source = isExact ? "by $clock" : "by the Date of an answer, to half a second";
  const distance = Math.abs(difference);
  const direction = difference > 0 ? "ahead of" : "behind";
  const numbers = { differenceMs: Math.round(difference) };
  const words = distance < 1_000 ? `${round(distance)} ms` : `${(distance / 1_000).toFixed(1)} s`;
  if (distance <= differenceMsMax) {
    notes.ok("clock", `the server is ${words} ${direction} this machine, ${source}`, numbers);
    return;
  }
  const advice = "Let NTP set the clocks of both: tokens are refused as too early or run out.";
  notes.warn(
    "clock",
    `the server is ${words} ${direction} this machine, ${source}`,
    advice,
    numbers,
  );
}
