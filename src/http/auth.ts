/** `POST /auth/renew`, `/auth/disconnect`, `/auth/revoke`: tokens and connections of others. */

import { Elysia, t } from "elysia";
import type { Revocations } from "../auth/revocations.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { Guard } from "./guard.ts";
import type { RoomConnection } from "./room-connection.ts";
import type { Sessions } from "./sessions.ts";

/** What the routes work with. */
export interface AuthParts {
  readonly guard: Guard;
  readonly sessions: Sessions;
  readonly revocations: Revocations;
  readonly connections: ReadonlySet<RoomConnection>;
}

const text = t.String({ minLength: 1, maxLength: 128 });
const renewal = t.Object({
  connection: text,
  token: t.String({ minLength: 1, maxLength: 8_192 }),
});
const disconnection = t.Object({ user: text });
const revocation = t.Union([
  t.Object({
    id: t.String({ minLength: 1, maxLength: 128, description: "The token's jti." }),
    until: t.Optional(t.Number({ description: "When it runs out, ms since 1970; else for ever." })),
  }),
  t.Object({
    user: text,
    before: t.Optional(t.Number({ description: "Tokens issued before, ms since 1970; now." })),
  }),
]);
const tags = ["tokens"];

export function auth({ guard, sessions, revocations, connections }: AuthParts) {
  const assertAdmin = async (request: Request) => {
    const { grant, mayAuthenticate } = await guard.identify(request);
    if (grant.isAdmin) return;
    if (mayAuthenticate) throw new PartylineError("unauthenticated", "A token is needed for this.");
    throw new PartylineError("forbidden", 'This needs a token with "admin" for all rooms ("*").');
  };
  return new Elysia({ name: "auth" })
    .post(
      "/auth/renew",
      async ({ body }) => {
        // The new token is the credential, and must be of the user whose connection this is.
        const identity = await guard.authenticate(body.token);
        const session = sessions.find(body.connection);
        if (session === undefined) {
          throw new PartylineError("not_found", "No connection with a token has this id.");
        }
        session.renew(identity);
        const expiresAt = identity.token?.expiresAt ?? null;
        return Response.json({ user: identity.user, expiresAt }, { headers });
      },
      { body: renewal, detail: { summary: "Renew a connection's token", tags } },
    )
    .post(
      "/auth/disconnect",
      async ({ body: { user }, request }) => {
        await assertAdmin(request);
        const ended = new Set([...connections].filter((each) => each.user.id === user));
        for (const session of [...ended, ...sessions.of(user)]) {
          session.expire(new PartylineError("forbidden", "An administrator ended the connection."));
        }
        return new Response(null, { status: 204 });
      },
      { body: disconnection, detail: { summary: "End a user's connections", tags } },
    )
    .post(
      "/auth/revoke",
      async ({ body, request }) => {
        await assertAdmin(request);
        if ("id" in body) revocations.revokeToken(body.id, readTime(body.until, "until") ?? null);
        else revocations.revokeUser(body.user, readTime(body.before, "before") ?? Date.now());
        return new Response(null, { status: 204 });
      },
      { body: revocation, detail: { summary: "Revoke a token, or a user's tokens", tags } },
    );
}

/** Seconds, as tokens count them, would be taken for 1970: then nothing would be revoked, in silence. */
function readTime(value: number | undefined, field: string): number | undefined {
  if (value === undefined || (value >= timeMin && Number.isFinite(value))) return value;
  throw new PartylineError(
    "bad_frame",
    `Field "${field}" must be milliseconds since 1970, and ${value} is none of this century.`,
  );
}

const timeMin = Date.UTC(2001);
const headers = { "cache-control": "no-store" };
