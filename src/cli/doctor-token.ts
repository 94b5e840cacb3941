/** The token: what it says, and what the server says of it. It is never shown. */

import { parseCompact } from "../auth/compact.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { Notes } from "./doctor-finding.ts";
import type { Visit } from "./doctor-visit.ts";

const soonMs = 60_000;
const patternsShown = 5;

export function checkToken({ options, learned }: Visit, notes: Notes): void {
  const { token, now } = options;
  const { welcome, refusal } = learned;
  if (token === undefined) {
    if (welcome !== undefined) notes.ok("token", "none given; the server lets you in without");
    else notes.skip("token", "none given");
    return;
  }
  let claims: Readonly<Record<string, unknown>> = {};
  try {
    claims = parseCompact(token).claims;
  } catch (error) {
    if (!(error instanceof PartylineError)) throw error;
    notes.fail("token", error.message, "Give a JWT, as partyline token makes one.");
    return;
  }
  noteLifetime(claims, now(), notes);
  noteRooms(claims, notes);
  if (refusal !== undefined) {
    const advice = "partyline token --inspect, with the server's configuration, says why.";
    notes.fail("accepted", `no: ${refusal}`, advice);
  } else if (welcome !== undefined) {
    const { id, name } = welcome.user;
    notes.ok("accepted", `yes, as ${id}, called ${name}`, { user: id });
  } else notes.skip("accepted", "nobody was welcomed, so nobody can tell");
}

function noteLifetime({ exp, nbf }: Readonly<Record<string, unknown>>, now: number, notes: Notes) {
  const again = "Get a new one from whoever signs them, in time.";
  if (typeof nbf === "number" && nbf * 1_000 > now) {
    const seen = `not valid for another ${inWords(nbf * 1_000 - now)}`;
    notes.warn("lifetime", seen, "Wait, or compare the clocks of who signs and who checks.");
    return;
  }
  if (typeof exp !== "number") {
    const seen = "has no exp: it is good until its key changes or it is revoked";
    notes.warn("lifetime", seen, "Let tokens run out after some hours, and renew them.");
    return;
  }
  const leftMs = exp * 1_000 - now;
  const numbers = { leftMs: Math.round(leftMs) };
  if (leftMs <= 0) notes.fail("lifetime", `ran out ${inWords(-leftMs)} ago`, again, numbers);
  else if (leftMs < soonMs) notes.warn("lifetime", `${inWords(leftMs)} left`, again, numbers);
  else notes.ok("lifetime", `${inWords(leftMs)} left`, numbers);
}

function noteRooms({ rooms }: Readonly<Record<string, unknown>>, notes: Notes): void {
  const rules = Object.entries(Object(rooms));
  if (rules.length === 0) {
    const advice = 'Give it a rooms claim, such as {"general":["read","write"]}.';
    notes.warn("rooms", "it may do nothing in any room", advice);
    return;
  }
  const shown = rules.slice(0, patternsShown).map(([pattern, allowed]) => {
    return `${pattern} ${Array.isArray(allowed) ? allowed.join(",") : "(unreadable)"}`;
  });
  const more = rules.length > patternsShown ? `; and ${rules.length - patternsShown} more` : "";
  notes.ok("rooms", `${shown.join("; ")}${more}`, { patterns: rules.length });
}

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`;
  const hours = Math.round(seconds / 3_600);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
