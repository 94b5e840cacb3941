/** `GET /admin/events`, `/admin/connections`: for whoever looks after the server. */

import { Elysia, t } from "elysia";
import { PartylineError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { findTrace } from "../telemetry/trace.ts";
import type { Administrators } from "./administrators.ts";
import type { Admission } from "./admission.ts";
import { createConnectionId } from "./guard.ts";
import type { Roll } from "./roll.ts";
import type { ServerWatch } from "./server-watch.ts";
import { streamHeaders } from "./sse.ts";

/** What the routes work with. */
export interface AdminParts {
  readonly administrators: Administrators;
  readonly admission: Admission;
  readonly roll: Roll;
  readonly watch: ServerWatch;
}

const access_token = t.Optional(t.String({ description: "A token, where no header can be sent." }));
const streamQuery = t.Object({ access_token });
const listQuery = t.Object({
  after: t.Optional(t.String({ description: "The `next` of the page before." })),
  limit: t.Optional(t.String({ description: "1 to 500; 100 if absent." })),
  user: t.Optional(t.String({ description: "Only this user's, by id." })),
  access_token,
});
const listedConnectionsDefault = 100;
const headers = { "cache-control": "no-store" };
const tags = ["administration"];

export function admin({ administrators, admission, roll, watch }: AdminParts) {
  return new Elysia({ name: "admin" })
    .get(
      "/admin/events",
      async ({ request, server }) => {
        const identity = await administrators.identifyWatcher(request);
        // Nobody would ever read that stream's body, nor abort it.
        if (request.method === "HEAD") return new Response(null, { headers: streamHeaders });
        const arrival = {
          address: admission.addressOf(request, server),
          trace: findTrace(request.headers),
          since: Date.now(),
          startedAt: performance.now(),
        };
        const id = createConnectionId();
        const subscription = watch.open(id, identity, arrival, request.signal);
        const body = subscription.bytes() as unknown as ReadableStream; // as in sse.ts
        return new Response(body, { headers: streamHeaders });
      },
      { query: streamQuery, detail: { summary: "Watch the server", tags } },
    )
    .get(
      "/admin/connections",
      async ({ query, request }) => {
        await administrators.identifyWatcher(request);
        const after = readCount("after", query.after, 0, 0, Number.MAX_SAFE_INTEGER);
        const limit = readCount(
          "limit",
          query.limit,
          listedConnectionsDefault,
          1,
          limits.listedConnectionsMax,
        );
        return Response.json(roll.list(after, limit, query.user), { headers });
      },
      { query: listQuery, detail: { summary: "List connections", tags } },
    );
}

function readCount(
  name: string,
  text: string | undefined,
  usual: number,
  min: number,
  max: number,
): number {
  if (text === undefined) return usual;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new PartylineError(
    "bad_frame",
    `Field "${name}" must be a whole number from ${min} to ${max}.`,
  );
}
