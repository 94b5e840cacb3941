/** The body of a publish or a signal over HTTP: what its media type makes of it. */

import type { TSchema } from "elysia";
import { type Body, toJson } from "../hub/message.ts";
import { PartylineError } from "../protocol/errors.ts";
import { decodeText } from "./body.ts";

/** What a body gave; `id` and `username` are not looked at yet. */
export interface Publish {
  readonly body: Body;
  readonly id: unknown;
  readonly username: unknown;
}

/** Describes such a body for OpenAPI. */
export function describePublishBody(schema: TSchema) {
  return {
    content: {
      "application/json": { schema: schema as object },
      "text/plain": { schema: { type: "string" as const } },
      "application/octet-stream": { schema: { type: "string" as const, format: "binary" } },
    },
  };
}

/** Seconds that Bun is to wait for a body, its rest, and one turn of its wheel of 4 s. */
export function toPatience(withinMs: number): number {
  return Math.ceil(withinMs / 1_000) + 6;
}

/**
 * Reads a body by its media type. What `curl -d` sends without a header is taken as it is meant.
 * @throws bad_frame when it is none
 */
export function toPublish(bytes: Uint8Array, contentType: string): Publish {
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
