/** `POST` and `GET /rooms/:room/messages`: publish, and read what is kept. */

import { Elysia, t } from "elysia";
import { encodePast, readBefore, readSince } from "../hub/history.ts";
import type { Hub } from "../hub/hub.ts";
import { type Body, createMessageId, toJson } from "../hub/message.ts";
import { PartylineError } from "../protocol/errors.ts";
import {
  readLimit,
  readMessageId,
  readSince as readPosition,
  readUsername,
} from "../protocol/field.ts";
import { formatPosition } from "../protocol/position.ts";
import type { Admission } from "./admission.ts";
import { type BodyLimits, decodeText, readBody } from "./body.ts";
import { assertMay, type Guard } from "./guard.ts";

/** A publish as its body gave it. */
interface Publish {
  readonly body: Body;
  readonly id: unknown;
  readonly username: unknown;
}

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

export function messages(hub: Hub, guard: Guard, admission: Admission, bodyLimits: BodyLimits) {
  return new Elysia({ name: "messages" })
    .post(
      "/rooms/:room/messages",
      async ({ params, request, server }) => {
        const identity = await guard.identify(request);
        const room = assertMay(identity, "write", params.room);
        const address = admission.assertPublishPace(request, server);
        const { searchParams } = new URL(request.url);
        // Bun's own timer must not come first: it ends the connection without an answer.
        if (bodyLimits.withinMs > 0) server?.timeout(request, toPatience(bodyLimits.withinMs));
        const bytes = await readBody(request, bodyLimits);
        const publish = toPublish(bytes, request.headers.get("content-type") ?? "");
        const { headers } = request;
        const id = readMessageId(headers.get("idempotency-key") ?? publish.id) ?? createMessageId();
        const name = readUsername(publish.username ?? searchParams.get("username"));
        const isNamed = name !== undefined && identity.token === null;
        const from = isNamed ? { id: identity.user.id, name } : identity.user;
        await admission.enterRoom(hub, room, address);
        const { epoch, offset, duplicate } = await hub.publish(room, id, from, publish.body);
        const position = formatPosition(epoch, offset);
        return Response.json({ position, id, duplicate }, { status: duplicate ? 200 : 201 });
      },
      {
        parse: "none", // read here, so that the bound holds while the body arrives
        detail: {
          summary: "Publish a message",
          tags: ["messages"],
          requestBody: {
            content: {
              "application/json": { schema: publishSchema as object },
              "text/plain": { schema: { type: "string" } },
              "application/octet-stream": { schema: { type: "string", format: "binary" } },
            },
          },
        },
      },
    )
    .get(
      "/rooms/:room/messages",
      async ({ params, query, request }) => {
        const room = assertMay(await guard.identify(request), "read", params.room);
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

/** Seconds, with one turn of Bun's wheel of 4 s to spare. */
function toPatience(withinMs: number): number {
  return Math.ceil(withinMs / 1_000) + 5;
}

/** Reads a body by its media type. What `curl -d` sends without a header is taken as it is meant. */
function toPublish(bytes: Uint8Array, contentType: string): Publish {
  const mediaType = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  switch (mediaType) {
    case "application/json":
      return fromJson(parseJson(decodeText(bytes)));
    case "text/plain":
      return fromText(decodeText(bytes));
    case "application/octet-stream":
      return { body: { kind: "bytes", bytes }, id: undefined, username: undefined };
    case "application/x-www-form-urlencoded":
    case "": {
      // curl -d names this type whatever it sends: a JSON object with content, or else plain text.
      const text = decodeText(bytes);
      const value = text.startsWith("{") ? tryJson(text) : undefined;
      return isPublish(value) ? fromJson(value) : fromText(text);
    }
    default:
      throw new PartylineError(
        "bad_frame",
        `Content-Type "${mediaType.slice(0, 80)}" is not application/json, text/plain or ` +
          "application/octet-stream.",
      );
  }
}

function fromText(text: string): Publish {
  return { body: { kind: "json", json: JSON.stringify(text) }, id: undefined, username: undefined };
}

function fromJson(value: unknown): Publish {
  if (!isPublish(value)) {
    throw new PartylineError("bad_frame", 'The body must be a JSON object with "content".');
  }
  return { body: { kind: "json", json: toJson("content", value.content) }, ...pick(value) };
}

function pick({ id, username }: { id?: unknown; username?: unknown }) {
  return { id, username };
}

function isPublish(
  value: unknown,
): value is { content: unknown; id?: unknown; username?: unknown } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return "content" in value && value.content !== undefined;
}

function parseJson(text: string): unknown {
  const value = tryJson(text);
  if (value === undefined) throw new PartylineError("bad_frame", "The body is not JSON.");
  return value;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON text stands for undefined
  }
}
