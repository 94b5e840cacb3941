/** Why a token is refused, for the two people who ask: its owner, and whoever runs the server. */

import { PartylineError } from "../protocol/errors.ts";

/**
 * A token that is not accepted. The message helps its owner and tells nothing about keys; `reason`
 * is for logs and `partyline token --inspect`, and never for whoever sent the token.
 */
export class TokenRefusal extends PartylineError {
  readonly reason: string;

  constructor(message: string, reason: string = message) {
    super("unauthenticated", message);
    this.name = "TokenRefusal";
    this.reason = reason;
  }
}

/**
 * Refuses a token for its signature. All reasons look alike from outside: an unknown issuer, an
 * unknown key id, an algorithm that no key here has, and a signature that does not hold.
 */
export function refuseSignature(reason: string): TokenRefusal {
  return new TokenRefusal("The token is not signed by a key that this server trusts.", reason);
}
