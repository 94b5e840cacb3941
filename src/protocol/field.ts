/** The fields of a request, on every transport: each is checked once, here. */

import { PartylineError } from "./errors.ts";
import { limits } from "./limits.ts";
import { parseSince, type Since } from "./position.ts";

/**
 * Reads a publisher's message id: 1 to 128 characters, no control characters. Undefined if absent.
 * @throws bad_frame
 */
export function readMessageId(id: unknown): string | undefined {
  if (id === undefined || id === null) return undefined;
  const { messageIdLengthMax } = limits;
  if (typeof id !== "string" || id === "" || id.length > messageIdLengthMax || isControlled(id)) {
    throw refuse("id", `must be text of 1 to ${messageIdLengthMax} characters, none of control`);
  }
  return id;
}

/**
 * Reads the name an anonymous user chose: 1 to 40 visible characters, blanks around it removed.
 * Undefined if absent.
 * @throws bad_frame
 */
export function readUsername(username: unknown): string | undefined {
  if (username === undefined || username === null) return undefined;
  const name = typeof username === "string" ? username.trim().normalize("NFC") : "";
  // Counted in code points, as a person counts; a lone surrogate could not be sent on.
  const length = [...name].length;
  const isVisible = name.isWellFormed() && !isControlled(name) && !invisible.test(name);
  if (length < 1 || length > limits.usernameLengthMax || !isVisible) {
    throw refuse("username", `must be 1 to ${limits.usernameLengthMax} visible characters`);
  }
  return name;
}

/** Reads a limit of history: 1 to 500, 50 if absent. @throws bad_frame */
export function readLimit(limit: unknown): number {
  if (limit === undefined || limit === null) return limits.historyMessagesDefault;
  const { historyMessagesMax } = limits;
  if (!Number.isInteger(limit) || Number(limit) < 1 || Number(limit) > historyMessagesMax) {
    throw refuse("limit", `must be a whole number from 1 to ${historyMessagesMax}`);
  }
  return Number(limit);
}

/** Reads a position or one of `start` and `end`; `end` if absent. @throws bad_frame */
export function readSince(since: unknown, field = "since"): Since {
  if (since === undefined || since === null) return "end";
  const parsed = typeof since === "string" ? parseSince(since) : undefined;
  if (parsed === undefined) {
    throw refuse(field, 'must be a position like "9f3k1c:1042", or "start", or "end"');
  }
  return parsed;
}

/** Describes a field that breaks its rule. */
export function refuse(field: string, rule: string): PartylineError {
  return new PartylineError("bad_frame", `Field "${field}" ${rule}.`);
}

// Marks that turn or hide the text around them: bidirectional controls, zero-width signs, fillers.
const invisible =
  /[\u061c\u115f\u1160\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0]/;
const controlled = /\p{Cc}/u;

function isControlled(text: string): boolean {
  return controlled.test(text);
}
