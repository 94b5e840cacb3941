/** Renews the tokens of connections to other nodes. */

import { isId, type RedisControl, toControlText } from "./redis-control.ts";
import type { RedisLink } from "./redis-link.ts";
import type { RedisQuestions } from "./redis-questions.ts";

/** What the node that has a connection says: undefined codes are those of success. */
interface Renewal {
  readonly code?: string;
  readonly message?: string;
}

/** Characters of a token. */
const tokenLengthMax = 8_192;

/**
 * Whoever is asked to renew a connection's token need not be the node that has it. That one is given the
 * token, and verifies it by itself: what somebody else writes into Redis makes nobody anybody.
 */
export class RedisRenewals {
  readonly #link: RedisLink;
  readonly #control: RedisControl;
  readonly #questions: RedisQuestions;
  #renew: (connection: string, token: string) => Promise<Renewal | null> = async () => null;

  /** To be made before the link is started. */
  constructor(link: RedisLink, control: RedisControl, questions: RedisQuestions) {
    this.#link = link;
    this.#control = control;
    this.#questions = questions;
    control.on("renew", (value) => this.#hear(value));
  }

  /** Begins to hear what others ask for. `renew` resolves to null where it has no such connection. */
  start(renew: (connection: string, token: string) => Promise<Renewal | null>): void {
    this.#renew = renew;
  }

  /** Has whichever other node has a connection renew its token; null where none has it. */
  async renew(connection: string, token: string): Promise<Renewal | null> {
    const answer = await this.#questions.ask((sender) => {
      const told = toControlText("renew", { connection, token, ...sender });
      return this.#link.send("PUBLISH", [this.#control.channel, told]);
    });
    if (typeof answer !== "object" || answer === null) return null;
    const { code, message } = answer as { code?: unknown; message?: unknown };
    return typeof code === "string" && typeof message === "string" ? { code, message } : {};
  }

  #hear(value: unknown): void {
    const told = (value ?? {}) as Readonly<Record<string, unknown>>;
    if (this.#questions.isOwn(told)) return;
    const { connection, token } = told;
    if (!isId(connection) || typeof token !== "string" || token.length > tokenLengthMax) return;
    this.#renew(connection, token).then(
      (renewal) => this.#questions.answer(told, renewal),
      () => {}, // A defect: whoever asked is told that this node did not answer.
    );
  }
}
