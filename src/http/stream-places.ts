/** From where a stream starts in each of its rooms, as its request says. */

import { PartylineError } from "../protocol/errors.ts";
import { type Position, parsePositions, type Since } from "../protocol/position.ts";
import { assertMay, type Identity } from "./guard.ts";

/**
 * From where a request wants to follow one room. The header wins: a browser that reconnects sends it along
 * with the URL it first had.
 */
export function askedSince(request: Request): string | null {
  return lastEventId(request) || searchedSince(request) || null;
}

function lastEventId(request: Request): string | null {
  return request.headers.get("last-event-id");
}

function searchedSince(request: Request): string | null {
  return new URL(request.url).searchParams.get("since");
}

/**
 * From where a request wants to follow several rooms. A room that the header does not name has not been
 * told of yet: it still starts where the URL says.
 * @throws bad_frame, invalid_room, unauthenticated, forbidden
 */
export function toPlaces(
  asked: readonly string[],
  request: Request,
  identity: Identity,
): Map<string, Since> {
  const placeInHeader = readPlaces(lastEventId(request));
  const placeInUrl = readPlaces(searchedSince(request));
  const places = new Map<string, Since>();
  for (const name of asked) {
    const room = assertMay(identity, "read", name);
    places.set(room, placeInHeader(room) ?? placeInUrl(room) ?? "end");
  }
  return places;
}

function readPlaces(text: string | null): (room: string) => Since | undefined {
  if (text === null || text === "") return () => undefined;
  if (text === "start" || text === "end") return () => text;
  const places = parsePositions(text);
  if (places !== undefined) return (room) => places.get(room);
  throw new PartylineError(
    "bad_frame",
    'Field "since" must be like "a@9f3k1c:7,b@start", or "start", or "end".',
  );
}

/** Picks the places that are known before the log is asked. */
export function toPositions(places: ReadonlyMap<string, Since>): Map<string, Position> {
  const positions = new Map<string, Position>();
  for (const [room, since] of places) if (typeof since === "object") positions.set(room, since);
  return positions;
}
