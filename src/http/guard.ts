/** Credentials → identity. Every route asks here who it acts for, and what that one may do. */

import { type Action, type Grant, openGrant } from "../auth/grant.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { Sender } from "../protocol/frame.ts";
import { assertRoomName } from "../protocol/room-name.ts";

/** Who a connection or a request acts for. */
export interface Identity {
  readonly user: Sender;
  readonly isAnonymous: boolean;
  readonly grant: Grant;
}

const idAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

/** Makes an id of 12 signs for a connection: 62 bits, so that nobody guesses another's. */
export function createConnectionId(): string {
  let id = "";
  // 252 is the largest multiple of 36 that a byte can pass: taking more would favour some signs.
  while (id.length < 12) {
    for (const byte of crypto.getRandomValues(new Uint8Array(16))) {
      if (byte < 252 && id.length < 12) id += idAlphabet[byte % 36];
    }
  }
  return id;
}

/** Identifies whoever is behind a connection that gave no token. */
export function identifyAnonymous(connection: string, username = "anonymous"): Identity {
  return { user: { id: `~${connection}`, name: username }, isAnonymous: true, grant: openGrant };
}

/**
 * Returns the room's name if the identity may act there. `room` is null where Elysia 1.4.30 could not
 * decode a part of the address, whatever its types say.
 * @throws invalid_room when it is no name
 * @throws forbidden when the grant does not cover it
 */
export function assertMay(
  { grant }: Pick<Identity, "grant">,
  action: Action,
  room: string | null,
): string {
  const name = assertRoomName(room);
  if (grant.may(action, name)) return name;
  throw new PartylineError("forbidden", `You may not ${action} in the room "${name}".`);
}
