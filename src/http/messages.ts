/** `POST` and `GET /rooms/:room/messages`: publish, and read what is kept. */

import { Elysia, t } from "elysia";
import { encodePast, readBefore, readSince } from "../hub/history.ts";
import type { Hub } from "../hub/hub.ts";
import { createMessageId } from "../hub/message.ts";
import { PartylineError } from "../protocol/errors.ts";
import {
  readLimit,
  readMessageId,
  readSince as readPosition,
  readUsername,
} from "../protocol/field.ts";
import { formatPosition } from "../protocol/position.ts";
import type { Measures } from "../telemetry/measures.ts";
import type { Admission } from "./admission.ts";
import { type BodyLimits, readBody } from "./body.ts";
import { assertMay, type Guard } from "./guard.ts";
import { describePublishBody, toPatience, toPublish } from "./publish-body.ts";

const publishSchema = t.Object({
  content: t.Unknown({ description: "Any JSON value." }),
  id: t.Optional(t.String({ description: "Your own id. Publishing it twice is publishing once." })),
  username: t.Optional(t.String({ description: "Who it is from, where you are anonymous." })),
});

const query = t.Object({
  since: t.Optional(t.String({ description: "A position, or start, or end." })),
  before: t.Optional(t.String({ description: "A position, or start, or end." })),
  limit: t.Optional(t.String({ description: "1 to 500; 50 if absent." })),
  access_token: t.Optional(t.String({ description: "A token, where no header can be sent." })),
});

const jsonHeaders = { "content-type": "application/json;charset=utf-8" };

/** What the routes work with. */
export interface MessagesParts {
  readonly hub: Hub;
  readonly guard: Guard;
  readonly admission: Admission;
  readonly measures: Measures;
  readonly bodyLimits: BodyLimits;
}

export function messages({ hub, guard, admission, measures, bodyLimits }: MessagesParts) {
  const { bodies, shedding } = admission;
  return new Elysia({ name: "messages" })
    .post(
      "/rooms/:room/messages",
      async ({ params, request, server }) => {
        const identity = await guard.identify(request);
        const room = assertMay(identity, "write", params.room);
        const address = admission.assertPublishPace(request, server);
        shedding.assertMayPublish(); // before its body takes any memory
        const { searchParams } = new URL(request.url);
        // Bun's own timer must not come first: it ends the connection without an answer.
        if (bodyLimits.withinMs > 0) server?.timeout(request, toPatience(bodyLimits.withinMs));
        using held = bodies.hold();
        const bytes = await readBody(request, bodyLimits, (more) => held.take(more));
        const startedAt = performance.now(); // the time a body takes is its sender's
        measures.publishes.http += 1;
        measures.receivedBytes.http += bytes.length;
        const publish = toPublish(bytes, request.headers.get("content-type") ?? "");
        const { headers } = request;
        const id = readMessageId(headers.get("idempotency-key") ?? publish.id) ?? createMessageId();
        const name = readUsername(publish.username ?? searchParams.get("username"));
        const isNamed = name !== undefined && identity.token === null;
        const from = isNamed ? { id: identity.user.id, name } : identity.user;
        await admission.enterRoom(hub, room, address);
        const { epoch, offset, duplicate } = await admission.publish(publish.body, () =>
          hub.publish(room, id, from, publish.body),
        );
        measures.countPublish("http", duplicate, performance.now() - startedAt);
        const position = formatPosition(epoch, offset);
        return Response.json({ position, id, duplicate }, { status: duplicate ? 200 : 201 });
      },
      {
        parse: "none", // read here, so that the bound holds while the body arrives
        detail: {
          summary: "Publish a message",
          tags: ["messages"],
          requestBody: describePublishBody(publishSchema),
        },
      },
    )
    .get(
      "/rooms/:room/messages",
      async ({ params, query, request }) => {
        const room = assertMay(await guard.identify(request), "read", params.room);
        shedding.assertMayRead();
        const limit = readLimit(query.limit === undefined ? undefined : Number(query.limit));
        if (query.since !== undefined && query.before !== undefined) {
          throw new PartylineError("bad_frame", 'Give "since" or "before", not both.');
        }
        const log = hub.logOf(room);
        const past =
          query.since === undefined
            ? await readBefore(log, room, readPosition(query.before, "before"), limit)
            : await readSince(log, room, readPosition(query.since), limit);
        return new Response(encodePast(past), { headers: jsonHeaders });
      },
      { query, detail: { summary: "Read messages", tags: ["messages"] } },
    );
}
