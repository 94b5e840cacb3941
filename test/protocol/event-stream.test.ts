import { describe, expect, test } from "bun:test";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import fc from "fast-check";
import {
  encodeComment,
  encodeEvent,
  encodePreamble,
  formatEvent,
} from "../../src/protocol/event-stream.ts";

/** Reads a stream as a foreign reader does, in pieces as small as they come. */
function parse(bytes: Uint8Array) {
  const events: EventSourceMessage[] = [];
  const comments: string[] = [];
  const retries: number[] = [];
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onComment: (comment) => comments.push(comment),
    onRetry: (retry) => retries.push(retry),
  });
  const decoder = new TextDecoder();
  for (const byte of bytes) parser.feed(decoder.decode(new Uint8Array([byte]), { stream: true }));
  return { events, comments, retries };
}

const plain = fc.string({ unit: "grapheme", minLength: 1 }).filter((it) => !/[\r\n\0]/.test(it));
const hostile = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc
    .array(fc.constantFrom("\r", "\n", "\r\n", "\0", "id: x", "data: y", "event: z", ":", "", " "))
    .map((parts) => parts.join("")),
);

describe("an event", () => {
  test("stays one event whatever its data says, with the lines it has", () => {
    fc.assert(
      fc.property(hostile, (data) => {
        const { events, comments, retries } = parse(encodeEvent({ id: "a:1", data }));
        expect(events).toHaveLength(1);
        expect(comments).toHaveLength(0);
        expect(retries).toHaveLength(0);
        expect(events[0]?.id).toBe("a:1");
        expect(events[0]?.event).toBeUndefined();
        expect(events[0]?.data).toBe(data.replaceAll(/\r\n|\r/g, "\n"));
      }),
      { numRuns: 500 },
    );
  });

  test("keeps its id and its name", () => {
    fc.assert(
      fc.property(plain, plain, (id, event) => {
        const [parsed] = parse(encodeEvent({ id, event, data: "x" })).events;
        // The parser takes one blank off the front of a field, and so does every reader.
        expect(parsed?.event).toBe(event);
        expect(parsed?.id).toBe(id);
      }),
    );
  });

  test("refuses a line break or NUL in its id and its name", () => {
    for (const sign of ["\r", "\n", "\0"]) {
      expect(() => formatEvent({ id: `a${sign}`, data: "" })).toThrow(RangeError);
      expect(() => formatEvent({ event: `a${sign}`, data: "" })).toThrow(RangeError);
      expect(() => encodeComment(sign)).toThrow(RangeError);
    }
  });

  test("with empty data is still heard", () => {
    expect(parse(encodeEvent({ data: "" })).events).toEqual([
      { id: undefined, event: undefined, data: "" },
    ]);
  });
});

test("a comment is no event", () => {
  expect(parse(encodeComment("still here")).events).toEqual([]);
  expect(parse(encodeComment("still here")).comments).toEqual(["still here"]);
});

test("the preamble says when to come back, in whole milliseconds", () => {
  expect(parse(encodePreamble(1234.6))).toEqual({
    events: [],
    comments: ["partyline"],
    retries: [1235],
  });
});
