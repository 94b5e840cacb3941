/** What all clients that go from node to node have in common: where they may go, and what they saw. */

import type { Chance } from "./chance.ts";

/** Refusals that pass; a client goes on elsewhere. A node that waits for Redis is `too_many` to it. */
const passing: ReadonlySet<string> = new Set(["unavailable", "draining", "too_many"]);
/** Milliseconds in which a node has to answer before a client goes elsewhere. */
export const answerMsMax = 3_000;

/** A place to connect to. */
export interface Place {
  readonly name: string;
  /** Without a slash at its end. */
  readonly url: string;
}

/** What a client needs to go about. */
export interface Journey {
  readonly places: readonly Place[];
  readonly chance: Chance;
  /** Milliseconds at most that it stays where it is. */
  readonly stayMsMax: number;
  /** Milliseconds at most that a reader is away between two places. */
  readonly awayMsMax: number;
  /** Refusals that nobody should see; clients add to it. */
  readonly complaints: string[];
  /** How often clients were turned away, by code or reason. */
  readonly refusals: Map<string, number>;
}

/** Any of the places, but not one of those left out, unless there is no other. */
export function pickPlace({ places, chance }: Journey, leftOut: readonly string[] = []): Place {
  const others = places.filter(({ name }) => !leftOut.includes(name));
  const from = others.length > 0 ? others : places;
  const place = from[chance.below(from.length)];
  if (place === undefined) throw new Error("There is nowhere to go.");
  return place;
}

/** Notes a refusal, and complains of one that is none of those that pass. */
export function noteRefusal(journey: Journey, code: string, text: string): void {
  journey.refusals.set(code, (journey.refusals.get(code) ?? 0) + 1);
  if (!passing.has(code)) journey.complaints.push(`${code}: ${text}`.slice(0, 300));
}

/** Notes that a place could not be reached, or did not answer. */
export function noteSilence({ refusals }: Journey, what: string): void {
  refusals.set(what, (refusals.get(what) ?? 0) + 1);
}

/** The address of a place's WebSocket. */
export function toSocketUrl({ url }: Place): string {
  return `${url.replace("http", "ws")}/ws`;
}
