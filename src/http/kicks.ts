/** Ends the connections of others, as an administrator asks: on this node and on all that share its rooms. */

import { PartylineError } from "../protocol/errors.ts";
import type { Roll } from "./roll.ts";
import type { Session, Sessions } from "./sessions.ts";

/** Whose connections: all of a user, or the one with an id. */
export type Kick = { readonly user: string } | { readonly connection: string };

/** The other nodes. */
export interface OtherNodes {
  /**
   * Begins to hear what is asked for on another node. `end` ends those connections here, and tells
   * whether there was one; it does not throw. Called once.
   */
  start(end: (kick: Kick) => boolean): void;
  /**
   * Has the others do so. Of a connection, resolves to whether one of them had it. Nodes that cannot be
   * reached do it as soon as they can be.
   * @throws unavailable when the others cannot be told, or have not all answered in time
   */
  kick(kick: Kick): Promise<boolean>;
}

export class Kicks {
  readonly #roll: Roll;
  readonly #sessions: Sessions;
  readonly #others: OtherNodes | null;

  /** `others` is null where this is the only node. */
  constructor(roll: Roll, sessions: Sessions, others: OtherNodes | null) {
    this.#roll = roll;
    this.#sessions = sessions;
    this.#others = others;
    others?.start((kick) => this.#end(kick));
  }

  /**
   * Ends connections.
   * @throws not_found when no node has that connection; a user may well have none
   * @throws unavailable when other nodes cannot be asked; those of this node have ended
   */
  async kick(kick: Kick): Promise<void> {
    let isFound = this.#end(kick);
    if ("connection" in kick && isFound) return; // No other node has the same.
    if (this.#others !== null) isFound = await this.#others.kick(kick);
    if ("user" in kick || isFound) return;
    throw new PartylineError("not_found", "No open connection has this id.");
  }

  #end(kick: Kick): boolean {
    const error = new PartylineError("forbidden", "An administrator ended the connection.");
    const found = this.#find(kick);
    for (const each of found) each.expire(error);
    return found.size > 0;
  }

  #find(kick: Kick): ReadonlySet<Pick<Session, "expire">> {
    // The watched sessions are not all on the roll, nor the other way round.
    if ("user" in kick)
      return new Set([...this.#roll.of(kick.user), ...this.#sessions.of(kick.user)]);
    const { connection } = kick;
    const found = this.#roll.find(connection) ?? this.#sessions.find(connection);
    return new Set(found === undefined ? [] : [found]);
  }
}
