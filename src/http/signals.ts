/** `POST /rooms/:room/signals`: tells those in a room now, where WebSocket does not get through. */

import { Elysia, t } from "elysia";
import { readUsername } from "../protocol/field.ts";
import { readBody } from "./body.ts";
import { assertMay } from "./guard.ts";
import type { MessagesParts } from "./messages.ts";
import { describePublishBody, toPatience, toPublish } from "./publish-body.ts";

const signalSchema = t.Object({
  content: t.Unknown({ description: "Any JSON value." }),
  username: t.Optional(t.String({ description: "Who it is from, where you are anonymous." })),
});

export function signals({ hub, guard, admission, measures, bodyLimits }: MessagesParts) {
  const { budget, shedding } = admission;
  return new Elysia({ name: "signals" }).post(
    "/rooms/:room/signals",
    async ({ params, request, server }) => {
      const identity = await guard.identify(request);
      const room = assertMay(identity, "write", params.room);
      admission.assertPublishPace(request, server);
      shedding.assertMayPublish(); // before its body takes any memory
      // Bun's own timer must not come first: it ends the connection without an answer.
      if (bodyLimits.withinMs > 0) server?.timeout(request, toPatience(bodyLimits.withinMs));
      using held = budget.hold();
      const bytes = await readBody(request, bodyLimits, (more) => held.take(more));
      measures.receivedBytes.http += bytes.length;
      const signal = toPublish(bytes, request.headers.get("content-type") ?? "");
      const chosen = signal.username ?? new URL(request.url).searchParams.get("username");
      const name = readUsername(chosen);
      const isNamed = name !== undefined && identity.token === null;
      const from = isNamed ? { id: identity.user.id, name } : identity.user;
      hub.signal(room, from, signal.body);
      return new Response(null, { status: 204 });
    },
    {
      parse: "none", // read here, so that the bound holds while the body arrives
      detail: {
        summary: "Send a signal",
        tags: ["rooms"],
        requestBody: describePublishBody(signalSchema),
      },
    },
  );
}
