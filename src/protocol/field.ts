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
  // In UTF-8 every half of a surrogate pair is written alike: two ids would become one in a store.
  if (!id.isWellFormed()) throw refuse("id", "must not hold half a surrogate pair");
  return id;
}

/**
 * Reads the name an anonymous user chose: 1 to 40 visible characters, blanks around it removed.
 * Undefined if absent.
 * @throws bad_frame
 */
export function readUsername(username: unknown): string | undefined {
  if (username === undefined || username === null) return undefined;
  const isShort = typeof username === "string" && username.length <= decomposedLengthMax;
  const name = isShort ? username.trim().normalize("NFC") : "";
  // Counted in code points, as a person counts; a lone surrogate could not be sent on.
  const length = [...name].length;
  const isVisible = name.isWellFormed() && visible.test(name) && !hidden.test(name);
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

// Before it is composed a sign may be several; beyond this not even composing is worth the work.
const decomposedLengthMax = 8 * limits.usernameLengthMax;
// What turns, hides or breaks the text around it: controls, bidirectional and other format signs,
// fillers. The two joiners may stand in a name: emoji, Persian and the Indic scripts need them.
const hidden =
  /\u034f|(?![\u200c\u200d])\p{Cf}|[\p{Cc}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]/u;
// At least one sign must be seen; marks and joiners alone are not.
const visible = /[\p{L}\p{N}\p{P}\p{S}]/u;
const controlled = /\p{Cc}/u;

function isControlled(text: string): boolean {
  return controlled.test(text);
}
