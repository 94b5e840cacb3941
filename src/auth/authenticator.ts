/** Asks for proof of who somebody is: all that a guard needs to know about tokens. */

import type { Clock } from "../hub/ports.ts";
import { createAnonymousGrant } from "./anonymous.ts";
import type { VerifiedToken } from "./claims.ts";
import type { Grant } from "./grant.ts";
import { type IssuerSettings, loadIssuers } from "./issuer.ts";
import type { Revocations } from "./revocations.ts";
import { verifyToken } from "./token.ts";
import { TokenRefusal } from "./token-refusal.ts";

/** What is configured about tokens. */
export interface AuthSettings {
  readonly issuers: readonly IssuerSettings[];
  /** What people without a token may do; null is what nobody configured. */
  readonly anonymous: string | null;
  /** Milliseconds that the issuers' clocks may differ from this one. */
  readonly tokenLeewayMs: number;
}

/** Verifies tokens. It keeps none of them: each is asked about anew, and so is its revocation. */
export interface Authenticator {
  /** Whether there is no key, so that nobody can prove who they are. */
  readonly isOpen: boolean;
  /** What people without a token may do. */
  readonly anonymous: Grant;
  /** Whether that is nothing, so that a connection without a token is of no use. */
  readonly needsToken: boolean;
  /** Sentences for whoever starts the server. */
  readonly warnings: readonly string[];
  /**
   * Verifies a token that somebody gave.
   * @throws unauthenticated in one sentence for the token's owner
   * @throws unavailable when an issuer's keys cannot be fetched
   */
  authenticate(token: string): Promise<VerifiedToken>;
  /** Whether a token that was taken has been revoked since. */
  isRevoked(token: VerifiedToken): boolean;
  /**
   * Calls `listener` after each revocation, until the returned function is called: whoever keeps a
   * connection then asks {@link Authenticator.isRevoked} about its token.
   */
  onRevoked(listener: () => void): () => void;
}

/**
 * Makes an authenticator. `onFailure` hears why an issuer's keys could not be fetched.
 * @throws KeyError in one sentence when a key file cannot be used
 */
export function createAuthenticator(
  { issuers: settings, anonymous, tokenLeewayMs }: AuthSettings,
  revocations: Revocations,
  clock: Clock,
  onFailure?: (error: unknown) => void,
): Authenticator {
  const { issuers, warnings } = loadIssuers(settings, clock, onFailure);
  const isOpen = issuers.length === 0;
  return {
    isOpen,
    anonymous: createAnonymousGrant(anonymous, !isOpen),
    needsToken: !isOpen && (anonymous === null || anonymous === "none"),
    warnings,
    async authenticate(text) {
      if (isOpen) throw new TokenRefusal("This server takes no tokens: it has no key for them.");
      const token = await verifyToken(text, issuers, clock.now(), tokenLeewayMs);
      // After the last await, so that no revocation comes in between.
      if (revocations.isRevoked(token)) throw new TokenRefusal("The token was revoked.");
      return token;
    },
    isRevoked: (token) => revocations.isRevoked(token),
    onRevoked: (listener) => revocations.onRevoked(listener),
  };
}
