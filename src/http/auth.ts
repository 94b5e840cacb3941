/** `POST /auth/renew`, `/auth/disconnect`, `/auth/revoke`: tokens and connections of others. */

import { Elysia, t } from "elysia";
import type { Revocations } from "../auth/revocations.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { Administrators } from "./administrators.ts";
import type { Guard } from "./guard.ts";
import type { Roll } from "./roll.ts";
import type { Session, Sessions } from "./sessions.ts";

/** What the routes work with. */
export interface AuthParts {
  readonly guard: Guard;
  readonly sessions: Sessions;
  readonly revocations: Revocations;
  readonly administrators: Administrators;
  readonly roll: Roll;
}

const text = t.String({ minLength: 1, maxLength: 128 });
const renewal = t.Object({
  connection: text,
  token: t.String({ minLength: 1, maxLength: 8_192 }),
});
const disconnection = t.Union([t.Object({ user: text }), t.Object({ connection: text })]);
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

export function auth(parts: AuthParts) {
  const { guard, sessions, revocations, administrators } = parts;
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
      async ({ body, request }) => {
        await administrators.identifyWatcher(request);
        const error = new PartylineError("forbidden", "An administrator ended the connection.");
        for (const each of findConnections(parts, body)) each.expire(error);
        return new Response(null, { status: 204 });
      },
      { body: disconnection, detail: { summary: "End a connection, or a user's", tags } },
    )
    .post(
      "/auth/revoke",
      async ({ body, request }) => {
        await administrators.identify(request);
        if ("id" in body) revocations.revokeToken(body.id, readTime(body.until, "until") ?? null);
        else revocations.revokeUser(body.user, readTime(body.before, "before") ?? Date.now());
        return new Response(null, { status: 204 });
      },
      { body: revocation, detail: { summary: "Revoke a token, or a user's tokens", tags } },
    );
}

/**
 * Finds the one connection asked for, or all of a user.
 * @throws not_found when there is no such connection; a user may well have none
 */
function findConnections(
  { sessions, roll }: AuthParts,
  asked: { user: string } | { connection: string },
): Iterable<Pick<Session, "expire">> {
  if ("user" in asked) {
    return new Set([...roll.of(asked.user), ...sessions.of(asked.user)]);
  }
  const found = roll.find(asked.connection) ?? sessions.find(asked.connection);
  if (found === undefined) {
    throw new PartylineError("not_found", "No open connection has this id.");
  }
  return [found];
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
