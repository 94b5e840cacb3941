/** By whose right the page acts: the token that the server accepted, and what the user is asked. */

import type { Sender } from "../../src/protocol/frame.ts";
import { keepToken } from "./token.ts";

/**
 * What the user is asked for. `reason` is the server's sentence; `endsAt` is when the token that is
 * in use runs out, in milliseconds since 1970.
 */
export type Asking =
  | { readonly kind: "needed"; readonly reason: string }
  | { readonly kind: "expiring"; readonly endsAt: number };

/** The page's access. Views only read it. */
export class Access {
  /** The token that the server accepted; undefined for somebody anonymous. */
  token: string | undefined;
  /** Whose token that is; undefined for somebody anonymous, or where nobody asks. */
  user: Sender | undefined;
  asking: Asking | undefined;
  /** Why the token that was just given is not accepted, while the connection goes on. */
  complaint = "";

  /** Acts by a token from now on, or anonymously. */
  accept(user: Sender | undefined, token: string | undefined): void {
    this.token = token;
    this.user = token === undefined ? undefined : user;
    // Somebody whose token was refused is let in again without one: the reason stays to be read.
    if (token !== undefined) this.complaint = "";
    if (token !== undefined || this.asking?.kind === "expiring") this.asking = undefined;
    keepToken(token);
  }

  /** Asks for a token. */
  need(reason: string): void {
    this.asking = { kind: "needed", reason };
    this.complaint = "";
  }

  /** The server takes the token no longer, or never did. */
  lose(reason: string): void {
    this.token = undefined;
    this.user = undefined;
    keepToken(undefined);
    this.need(reason);
  }

  /** Asks for a newer token. `secondsLeft` is for how long the one in use still holds. */
  warn(secondsLeft: number): void {
    this.asking = { kind: "expiring", endsAt: Date.now() + secondsLeft * 1_000 };
  }
}
