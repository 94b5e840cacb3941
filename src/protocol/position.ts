/** Where a reader stands in a room: `"<epoch>:<offset>"`, or one of the words `start` and `end`. */

/**
 * `offset` counts messages from 1; a position is the place just after message `offset`, so 0 is the
 * place before the first. `epoch` names one life of the numbering: 1 to 32 of `[0-9a-z]`.
 */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** What a reader may ask for: a position, the oldest message kept, or only new ones. */
export type Since = Position | "start" | "end";

const pattern = /^([0-9a-z]{1,32}):(0|[1-9][0-9]{0,15})$/;
const manyMax = 50 * 180;

/** Writes a position as text. */
export function formatPosition(epoch: string, offset: number): string {
  return `${epoch}:${offset}`;
}

/** Reads a position. Returns undefined for any text that is not exactly one. */
export function parsePosition(text: string): Position | undefined {
  const match = pattern.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const offset = Number(match[2]);
  return Number.isSafeInteger(offset) ? { epoch: match[1], offset } : undefined;
}

/** Reads a position or one of the two words. Returns undefined for anything else. */
export function parseSince(text: string): Since | undefined {
  return text === "start" || text === "end" ? text : parsePosition(text);
}

/** Writes the positions of several rooms as one SSE id: `room@position`, joined by commas. */
export function formatPositions(positions: ReadonlyMap<string, Position>): string {
  let text = "";
  for (const [room, { epoch, offset }] of positions) {
    text += `${text === "" ? "" : ","}${room}@${epoch}:${offset}`;
  }
  return text;
}

/**
 * Reads what {@link formatPositions} wrote; either word may stand in place of a position. Returns
 * undefined if any part of it is malformed.
 */
export function parsePositions(text: string): Map<string, Since> | undefined {
  if (text.length > manyMax) return undefined;
  const places = new Map<string, Since>();
  for (const part of text.split(",")) {
    const at = part.indexOf("@");
    const place = at < 1 ? undefined : parseSince(part.slice(at + 1));
    if (place === undefined) return undefined;
    places.set(part.slice(0, at), place);
  }
  return places;
}
