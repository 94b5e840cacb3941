/** Credentials → identity. Every route asks here who it acts for, and what that one may do. */

import type { Authenticator } from "../auth/authenticator.ts";
import type { VerifiedToken } from "../auth/claims.ts";
import type { Action, Grant } from "../auth/grant.ts";
import { TokenRefusal } from "../auth/token-refusal.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { Sender } from "../protocol/frame.ts";
import { assertRoomName, isSystemRoom } from "../protocol/room-name.ts";

/** Who a connection or a request acts for. */
export interface Identity {
  readonly user: Sender;
  readonly grant: Grant;
  /** What proved it; null for somebody anonymous. */
  readonly token: VerifiedToken | null;
  /** Whether a token could allow more: then a refusal asks for one. */
  readonly mayAuthenticate: boolean;
}

const idAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
const bearerScheme = /^bearer(?: +(.*))?$/i;
const bearerSubprotocol = /^bearer\.(.*)$/;

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

/** Tells who is there. It keeps nobody: each request and each connection asks anew. */
export class Guard {
  readonly authenticator: Authenticator;
  /** What everybody anonymous may do, as an identity of nobody in particular. */
  readonly anonymous: Identity;
  readonly #onRefusal: (refusal: TokenRefusal) => void;

  /** `onRefusal` hears of every token that is not accepted. */
  constructor(authenticator: Authenticator, onRefusal: (refusal: TokenRefusal) => void = () => {}) {
    this.#onRefusal = onRefusal;
    const { anonymous: grant, isOpen } = authenticator;
    this.authenticator = authenticator;
    const user = { id: "~", name: "anonymous" };
    this.anonymous = { user, grant, token: null, mayAuthenticate: !isOpen };
  }

  /**
   * Identifies whoever makes a request. Somebody without a token is anonymous, by the connection's id.
   * @throws unauthenticated when there is a token and it is not accepted, or there are several
   * @throws unavailable when an issuer's keys cannot be fetched
   */
  async identify(request: Request, connection = createConnectionId()): Promise<Identity> {
    const token = findToken(request);
    return token === null ? this.identifyAnonymous(connection) : this.authenticate(token);
  }

  /** Identifies somebody who gave no token. */
  identifyAnonymous(connection: string): Identity {
    return { ...this.anonymous, user: { id: `~${connection}`, name: "anonymous" } };
  }

  /**
   * Identifies whoever gave a token.
   * @throws unauthenticated when it is not accepted
   * @throws unavailable when its issuer's keys cannot be fetched
   */
  async authenticate(text: string): Promise<Identity> {
    const token = await this.#verify(text);
    return { user: token.user, grant: token.grant, token, mayAuthenticate: false };
  }

  async #verify(text: string): Promise<VerifiedToken> {
    try {
      return await this.authenticator.authenticate(text);
    } catch (thrown) {
      if (thrown instanceof TokenRefusal) this.#onRefusal(thrown);
      throw thrown;
    }
  }
}

/**
 * Returns the room's name if the identity may act there. `room` is null where Elysia 1.4.30 could not
 * decode a part of the address, whatever its types say.
 * @throws invalid_room when it is no name
 * @throws unauthenticated when the grant does not cover it, and a token could
 * @throws forbidden when the grant does not cover it
 */
export function assertMay(identity: Identity, action: Action, room: string | null): string {
  const name = assertRoomName(room);
  if (identity.grant.may(action, name)) return name;
  if (identity.mayAuthenticate && !(isSystemRoom(name) && action === "write")) {
    throw new PartylineError("unauthenticated", `A token is needed to ${action} in "${name}".`);
  }
  throw new PartylineError("forbidden", `You may not ${action} in the room "${name}".`);
}

/**
 * Finds the token of a request: in `Authorization`, in `?access_token=`, or as the subprotocol
 * `bearer.<token>`, for browsers can send no header with a WebSocket or an EventSource. What claims to
 * be a token and is none counts: nobody who meant to show one should be taken for somebody anonymous.
 */
function findToken({ headers, url }: Request): string | null {
  const header = bearerScheme.exec(headers.get("authorization") ?? "");
  const found = new Set([
    ...(header === null ? [] : [header[1] ?? ""]),
    ...(url.includes("?") ? new URL(url).searchParams.getAll("access_token") : []),
    ...findSubprotocols(headers),
  ]);
  // RFC 6750, section 2: which of two would count is nothing a client should have to guess.
  if (found.size > 1) throw new PartylineError("unauthenticated", "Give one token, not several.");
  const [token = null] = found;
  return token;
}

function findSubprotocols(headers: Headers): string[] {
  const offered = headers.get("sec-websocket-protocol")?.split(",") ?? [];
  return offered.flatMap((each) => bearerSubprotocol.exec(each.trim())?.[1] ?? []);
}
