/** What somebody may do, and where. */

import { isRoomPattern, isSystemRoom } from "../protocol/room-name.ts";
import { isJsonObject } from "./strict-json.ts";

/** Everything that a grant can allow in a room. */
export const actions = ["read", "write", "presence", "upload", "admin"] as const;

export type Action = (typeof actions)[number];

/** Answers for one identity; shared by all connections that may do the same. */
export interface Grant {
  may(action: Action, room: string): boolean;
  /**
   * Whether it covers what belongs to no single room: watching the server, sending users away,
   * revoking tokens. Only the pattern `*` with `admin` does.
   */
  readonly isAdmin: boolean;
}

/** Actions by pattern: a room's name, or the beginning of names and `*`. */
export type RoomRules = ReadonlyMap<string, ReadonlySet<Action>>;

/** What may be done to the server's own rooms: nobody but the server writes there. */
const systemActions: ReadonlySet<Action> = new Set(["read", "presence"]);

/** Everybody may read every room, and write to every room but the server's own. */
export const openGrant: Grant = createGrant(
  new Map([
    ["*", new Set<Action>(["read", "write", "presence", "upload"])],
    ["$*", systemActions],
  ]),
);

/** Nothing, anywhere. */
export const emptyGrant: Grant = { may: () => false, isAdmin: false };

/**
 * Makes a grant of rules. The longest pattern that matches decides alone, and a name stands before
 * a pattern with `*`. The server's own rooms are covered only by patterns that begin with `$`.
 */
export function createGrant(rules: RoomRules): Grant {
  const prefixes = [...rules]
    .filter(([pattern]) => pattern.endsWith("*"))
    .map(([pattern, allowed]) => ({ prefix: pattern.slice(0, -1), allowed }))
    .sort((left, right) => right.prefix.length - left.prefix.length);
  return {
    may(action, room) {
      const isSystem = isSystemRoom(room);
      if (isSystem && !systemActions.has(action)) return false;
      const exact = rules.get(room);
      if (exact !== undefined) return exact.has(action);
      for (const { prefix, allowed } of prefixes) {
        if (room.startsWith(prefix) && (!isSystem || prefix !== "")) return allowed.has(action);
      }
      return false;
    },
    isAdmin: rules.get("*")?.has("admin") ?? false,
  };
}

/**
 * Reads the `rooms` claim: `{"general": ["read", "write"], "team-*": ["read"]}`. Without it nothing
 * is allowed. Returns undefined where a pattern or an action is not one.
 */
export function readRooms(claim: unknown): RoomRules | undefined {
  if (claim === undefined) return new Map();
  if (!isJsonObject(claim)) return undefined;
  const rules = new Map<string, ReadonlySet<Action>>();
  for (const [pattern, allowed] of Object.entries(claim)) {
    if (!isRoomPattern(pattern) || !Array.isArray(allowed) || !allowed.every(isAction)) {
      return undefined;
    }
    rules.set(pattern, new Set(allowed));
  }
  return rules;
}

/** Tells whether a text is a room's name, or the beginning of names and `*`. */
export const isPattern = isRoomPattern;

/** Tells whether a value is the name of an action. */
export function isAction(value: unknown): value is Action {
  return actions.some((action) => action === value);
}
