/** `POST /auth/renew`, `/auth/disconnect`, `/auth/revoke`: tokens and connections of others. */

import { Elysia, t } from "elysia";
import type { Revocations } from "../auth/revocations.ts";
import { PartylineError } from "../protocol/errors.ts";
import type { Administrators } from "./administrators.ts";
import type { Kicks } from "./kicks.ts";
import type { Renewals } from "./renewals.ts";

/** What the routes work with. */
export interface AuthParts {
  readonly renewals: Renewals;
  readonly revocations: Revocations;
  readonly administrators: Administrators;
  readonly kicks: Kicks;
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

export function auth({ renewals, revocations, administrators, kicks }: AuthParts) {
  return new Elysia({ name: "auth" })
    .post(
      "/auth/renew",
      async ({ body }) => {
        const identity = await renewals.renew(body.connection, body.token);
        const expiresAt = identity.token?.expiresAt ?? null;
        return Response.json({ user: identity.user, expiresAt }, { headers });
      },
      { body: renewal, detail: { summary: "Renew a connection's token", tags } },
    )
    .post(
      "/auth/disconnect",
      async ({ body, request }) => {
        await administrators.identifyWatcher(request);
        await kicks.kick(body);
        return new Response(null, { status: 204 });
      },
      { body: disconnection, detail: { summary: "End a connection, or a user's", tags } },
    )
    .post(
      "/auth/revoke",
      async ({ body, request }) => {
        await administrators.identify(request);
        if ("id" in body) {
          await revocations.revokeToken(body.id, readTime(body.until, "until") ?? null);
        } else {
          await revocations.revokeUser(body.user, readTime(body.before, "before") ?? Date.now());
        }
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
