/** Renews the tokens of connections, on this node and on all that share its rooms. */

import { errorTable, PartylineError, toPartylineError } from "../protocol/errors.ts";
import type { Guard, Identity } from "./guard.ts";
import type { Sessions } from "./sessions.ts";

/** How another node answers: with the code of an error and its text, or without where it is done. */
export interface Renewal {
  readonly code?: string;
  readonly message?: string;
}

/** The other nodes. */
export interface OtherSessions {
  /**
   * Begins to hear what another node is asked for. `renew` resolves to null where this node has no such
   * connection. Called once.
   */
  start(renew: (connection: string, token: string) => Promise<Renewal | null>): void;
  /**
   * Has the node that has a connection verify a token and go on with it; null where none has it.
   * @throws unavailable when the others cannot be told, or have not all answered in time
   */
  renew(connection: string, token: string): Promise<Renewal | null>;
}

export class Renewals {
  readonly #guard: Guard;
  readonly #sessions: Sessions;
  readonly #others: OtherSessions | null;

  /** `others` is null where this is the only node. */
  constructor(guard: Guard, sessions: Sessions, others: OtherSessions | null) {
    this.#guard = guard;
    this.#sessions = sessions;
    this.#others = others;
    others?.start((connection, token) => this.#renewFor(connection, token));
  }

  /**
   * Lets a connection go on with another token, and resolves to whose that is.
   * @throws unauthenticated when the token is not accepted
   * @throws not_found when no node has a connection with a token that has this id
   * @throws forbidden when it is another user's, or does not cover what the connection needs
   * @throws unavailable when other nodes cannot be asked
   */
  async renew(connection: string, token: string): Promise<Identity> {
    // The new token is the credential, and must be of the user whose connection this is.
    const identity = await this.#guard.authenticate(token);
    const session = this.#sessions.find(connection);
    if (session !== undefined) {
      await session.renew(identity);
      return identity;
    }
    const renewal = await this.#others?.renew(connection, token);
    if (renewal == null) {
      throw new PartylineError("not_found", "No connection with a token has this id.");
    }
    const { code, message = "" } = renewal;
    if (isErrorCode(code)) throw new PartylineError(code, message);
    return identity;
  }

  async #renewFor(connection: string, token: string): Promise<Renewal | null> {
    const session = this.#sessions.find(connection);
    if (session === undefined) return null;
    try {
      await session.renew(await this.#guard.authenticate(token));
      return {};
    } catch (thrown) {
      const { code, message } = toPartylineError(thrown);
      return { code, message };
    }
  }
}

function isErrorCode(code: string | undefined): code is keyof typeof errorTable {
  return code !== undefined && Object.hasOwn(errorTable, code);
}
