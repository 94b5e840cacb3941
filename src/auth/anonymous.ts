/** What people without a token may do. */

import { type Action, createGrant, emptyGrant, type Grant, isPattern, openGrant } from "./grant.ts";

const actionsOf: Readonly<Record<string, readonly Action[]>> = {
  none: [],
  read: ["read", "presence"],
  write: ["read", "write", "presence", "upload"],
};

/** Completes the sentence "give …" for the form that {@link isAnonymousAccess} accepts. */
export const anonymousForm =
  "none, read or write, for some rooms with a pattern (write:public-*), several with commas";

/**
 * Tells whether a text says what people without a token may do: `none`, `read` or `write`, with
 * `:<pattern>` for some rooms only, and several of these with commas.
 */
export function isAnonymousAccess(text: string): boolean {
  return parse(text) !== undefined;
}

/**
 * Makes the grant of people without a token. Without a pattern a word goes for all rooms, the
 * server's own too; with several words the longest pattern decides, as in a token. Null is what
 * nobody configured: everything but `admin` where there is no key, and nothing where there is one.
 */
export function createAnonymousGrant(text: string | null, hasKey: boolean): Grant {
  if (text === null) return hasKey ? emptyGrant : openGrant;
  const rules = parse(text);
  return rules === undefined ? emptyGrant : createGrant(rules);
}

function parse(text: string): Map<string, ReadonlySet<Action>> | undefined {
  const rules = new Map<string, ReadonlySet<Action>>();
  for (const entry of text.split(",")) {
    const [, word = "", pattern] = /^([a-z]+)(?::(.+))?$/s.exec(entry) ?? [];
    const allowed = Object.hasOwn(actionsOf, word) ? actionsOf[word] : undefined;
    if (allowed === undefined || (pattern !== undefined && !isPattern(pattern))) return undefined;
    for (const each of pattern === undefined ? ["*", "$*"] : [pattern]) {
      if (rules.has(each)) return undefined; // Two words for one pattern contradict each other.
      rules.set(each, new Set(allowed));
    }
  }
  return rules;
}
