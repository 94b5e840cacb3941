/** Tokens as an issuer signs them, and servers that take them. */

import { createAuthenticator } from "../../src/auth/authenticator.ts";
import type { IssuerSettings } from "../../src/auth/issuer.ts";
import { Revocations } from "../../src/auth/revocations.ts";
import { Secret } from "../../src/auth/secret.ts";
import { signToken, toSigningKey } from "../../src/auth/signing.ts";
import { type ConfigOverrides, defaultConfig } from "../../src/config.ts";
import { Guard } from "../../src/http/guard.ts";
import { Sessions } from "../../src/http/sessions.ts";
import type { Clock } from "../../src/hub/ports.ts";
import { Client } from "./client.ts";

/** The secret that the servers of these tests share with whoever signs. */
export const tokenSecret = "a shared secret that is long enough for HS256";
/** What the servers of these tests are called in `aud`. */
export const audience = "partyline-test";

const issuer: IssuerSettings = {
  key: { kind: "secret", secret: toSecret(tokenSecret) },
  issuer: null,
  audience,
};

/** A server that takes tokens, lets nobody do anything without one, and bounds no pace. */
export const withTokens: ConfigOverrides = {
  issuers: [issuer],
  messagesPerSecond: 0,
  publishesPerSecond: 0,
  roomsPerHour: 0,
  connectionsPerAddress: 0,
  connectionsPerUser: 0,
};

/** Claims of a token; `rooms` are its grant. Times are seconds since 1970. */
export interface TestClaims {
  readonly sub: string;
  readonly rooms?: Readonly<Record<string, readonly string[]>>;
  readonly name?: string;
  readonly aud?: string;
  readonly iat?: number;
  readonly exp?: number;
  readonly jti?: string;
}

/** Signs a token that runs out in an hour, unless `claims` say otherwise. */
export function createToken(claims: TestClaims, secret = tokenSecret): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const all = { aud: audience, iat: now, exp: now + 3_600, ...claims };
  return signToken(all, toSigningKey(toSecret(secret)));
}

/** Connects with a token, and resolves once the server has welcomed its user. */
export async function connectAs(socketUrl: string, token: string): Promise<Client> {
  const client = new Client(socketUrl, ["partyline.v1", `bearer.${token}`]);
  await client.next("welcome");
  return client;
}

/** Seconds since 1970, so many seconds from now. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

/** A guard, the sessions it watches over, and what is revoked. Without `anonymous` a token is needed. */
export function createGuard(
  clock: Clock,
  { issuers = [issuer], anonymous = null }: ConfigOverrides = {},
): { guard: Guard; sessions: Sessions; revocations: Revocations } {
  const revocations = new Revocations(clock);
  const config = defaultConfig({ issuers, anonymous, tokenLeewayMs: 0 });
  const guard = new Guard(createAuthenticator(config, revocations, clock));
  return { guard, sessions: new Sessions(guard.authenticator, clock), revocations };
}

function toSecret(text: string): Secret {
  return new Secret(new TextEncoder().encode(text));
}
