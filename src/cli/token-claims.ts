/** The claims of a token that is made on the command line. */

import { readClaims } from "../auth/claims.ts";
import { type Action, actions, isAction, isPattern } from "../auth/grant.ts";
import type { IssuerSettings } from "../auth/issuer.ts";
import { durationKind } from "../config-value.ts";
import { optionOf, UsageError } from "./option.ts";

type Options = ReadonlyMap<string, readonly string[]>;

const lifetimeKind = durationKind(3_650 * 86_400_000);
const lifetimeUsual = "1h";

/**
 * Makes claims of the flags: `iss` and `aud` are the issuer's own where no flag says otherwise, and
 * `jti` is a UUIDv7, so that each token can be revoked. `now` is milliseconds since 1970.
 * @throws UsageError, TokenRefusal when no server would take such a token
 */
export function createClaims(
  options: Options,
  issuer: IssuerSettings | undefined,
  now: number,
): Readonly<Record<string, unknown>> {
  const user = optionOf(options, "user");
  if (user === undefined) throw new UsageError("Whose token? Give --user, or --inspect a token.");
  const issuedAt = Math.floor(now / 1_000);
  const name = optionOf(options, "name");
  const issuerName = optionOf(options, "issuer") ?? issuer?.issuer ?? undefined;
  const audience = optionOf(options, "audience") ?? issuer?.audience ?? undefined;
  const lifetimeMs = readLifetime(optionOf(options, "expires") ?? lifetimeUsual);
  const claims = {
    ...(issuerName !== undefined && { iss: issuerName }),
    sub: user,
    ...(name !== undefined && { name }),
    ...(audience !== undefined && { aud: audience }),
    iat: issuedAt,
    ...(lifetimeMs !== null && { exp: issuedAt + Math.ceil(lifetimeMs / 1_000) }),
    jti: optionOf(options, "id") ?? Bun.randomUUIDv7(),
    rooms: readRoomFlags(options.get("room") ?? []),
  };
  readClaims(claims, { issuer: null, audience: audience ?? null, now, leewayMs: 0 });
  return claims;
}

/** Null for a token that never runs out. */
function readLifetime(text: string): number | null {
  if (text === "never") return null;
  const lifetimeMs = lifetimeKind.parse(text, "");
  if (lifetimeMs !== undefined && lifetimeMs > 0) return lifetimeMs;
  throw new UsageError(
    `--expires is ${JSON.stringify(text)}, which is not accepted; give ${lifetimeKind.accepts}, or never.`,
  );
}

function readRoomFlags(flags: readonly string[]): Record<string, readonly Action[]> {
  const rooms: [string, readonly Action[]][] = flags.map((flag) => {
    const end = flag.indexOf("=");
    const pattern = flag.slice(0, Math.max(end, 0));
    const words = flag.slice(end + 1).split(",");
    if (end > 0 && isPattern(pattern) && words.every(isAction)) return [pattern, words];
    throw new UsageError(
      `--room is ${JSON.stringify(flag)}, which is not accepted; give a room or a pattern, = and ` +
        `some of ${actions.join(",")}, such as 'team-*=read,write'.`,
    );
  });
  const twice = rooms.find(([pattern], index) => rooms.findIndex(([p]) => p === pattern) < index);
  if (twice !== undefined) {
    throw new UsageError(`--room names ${JSON.stringify(twice[0])} twice; give it once.`);
  }
  return Object.fromEntries(rooms);
}
