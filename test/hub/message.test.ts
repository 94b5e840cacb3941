import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bodyBytes, createMessageId, encodeMessage, toJson } from "../../src/hub/message.ts";
import { PartylineError } from "../../src/protocol/errors.ts";
import { limits } from "../../src/protocol/limits.ts";
import { createMessage } from "../support/quiet-room.ts";

describe("a message", () => {
  test("is one line of JSON with the fields that clients were told", () => {
    expect(encodeMessage(createMessage(7))).toBe(
      '{"type":"message","room":"hall","position":"e:7","id":"m7",' +
        '"from":{"id":"ada","name":"Ada"},"at":1763690000123,"content":"x"}',
    );
  });

  test("says what was put into it, whatever that was", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 });
    fc.assert(
      fc.property(text, text, text, fc.jsonValue(), (id, userId, name, content) => {
        const json = JSON.stringify(content);
        const from = { id: userId, name };
        const message = { ...createMessage(1), id, from, body: { kind: "json", json } as const };
        const encoded = encodeMessage(message);
        expect(encoded).not.toMatch(/[\r\n\0]/);
        expect(JSON.parse(encoded)).toMatchObject({ id, from });
        expect(JSON.stringify(JSON.parse(encoded).content)).toBe(json);
      }),
    );
  });

  test("carries bytes in base64, also those of a view into a longer buffer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 50 }), (whole, from) => {
        const bytes = whole.subarray(from);
        const encoded = encodeMessage({ ...createMessage(1), body: { kind: "bytes", bytes } });
        expect(JSON.parse(encoded)).not.toHaveProperty("content");
        expect(new Uint8Array(Buffer.from(JSON.parse(encoded).bytes, "base64"))).toEqual(
          new Uint8Array(bytes),
        );
        expect(bodyBytes({ kind: "bytes", bytes })).toBe(bytes.length);
      }),
    );
  });

  test("is as long as its JSON in UTF-8", () => {
    expect(bodyBytes({ kind: "json", json: '"é😀"' })).toBe(8);
  });

  test("gets an id of its own", () => {
    const ids = new Set(Array.from({ length: 1_000 }, createMessageId));
    expect(ids.size).toBe(1_000);
  });
});

test("a value may be nested up to the limit, in arrays and in objects", () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    const nest = (depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`;
    const fits = nest(limits.contentDepthMax);
    expect(toJson("data", JSON.parse(fits))).toBe(fits);
    for (const depth of [limits.contentDepthMax + 1, 100_000]) {
      const refused = () => toJson("data", [1, JSON.parse(nest(depth - 1))]);
      expect(refused).toThrow(PartylineError);
      expect(refused).toThrow('"data"');
    }
  }
});
