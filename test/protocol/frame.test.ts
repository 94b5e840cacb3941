import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PartylineError } from "../../src/protocol/errors.ts";
import { decodeFrame, encodeFrame, FrameError } from "../../src/protocol/frame.ts";

/** Decodes a frame that must be refused. */
function refuse(frame: unknown): PartylineError {
  try {
    decodeFrame(typeof frame === "string" ? frame : JSON.stringify(frame));
  } catch (thrown) {
    if (thrown instanceof PartylineError) return thrown;
    throw thrown;
  }
  throw new Error(`Not refused: ${JSON.stringify(frame)}`);
}

describe("a client's frame", () => {
  test("of every type is accepted with the fewest fields", () => {
    const frames: [object, object][] = [
      [
        { type: "join", room: "a" },
        { room: "a", since: "end", resumes: false, binary: false, username: undefined },
      ],
      [{ type: "leave", room: "a" }, { room: "a" }],
      [
        { type: "message", room: "a", content: null },
        { room: "a", content: null, id: undefined },
      ],
      [
        { type: "signal", room: "a", content: 0 },
        { room: "a", content: 0 },
      ],
      [
        { type: "history", room: "a" },
        { room: "a", before: "end", limit: 50 },
      ],
      [{ type: "members", room: "a" }, { room: "a" }],
      [{ type: "auth", token: "t" }, { token: "t" }],
      [{ type: "echo" }, { data: undefined }],
      [{ type: "ping" }, { data: undefined }],
    ];
    for (const [frame, decoded] of frames) {
      expect<unknown>(decodeFrame(JSON.stringify(frame))).toEqual({
        ...frame,
        ref: undefined,
        ...decoded,
      });
    }
  });

  test("of every type is accepted with all fields, and repeats its ref", () => {
    const join = { type: "join", room: "$clock", since: "x:3", username: "Ada", binary: true };
    expect(decodeFrame(JSON.stringify({ ...join, ref: "r" }))).toEqual({
      type: "join",
      ref: "r",
      room: "$clock",
      since: { epoch: "x", offset: 3 },
      resumes: true,
      username: "Ada",
      binary: true,
    });
    const history = { type: "history", ref: 0, room: "a", before: "x:9", limit: 500 };
    expect(decodeFrame(JSON.stringify(history))).toEqual({
      type: "history",
      ref: 0,
      room: "a",
      before: { epoch: "x", offset: 9 },
      limit: 500,
    });
    const message = { type: "message", ref: -1.5, room: "a", content: { b: [] }, id: "m1" };
    expect(decodeFrame(JSON.stringify(message))).toEqual(message as never);
  });

  test("that is no JSON object is bad", () => {
    for (const text of [
      "",
      " ",
      "x",
      "{",
      "[]",
      "null",
      "1",
      '"join"',
      "true",
      "{}}",
      "\0",
      "NaN",
    ]) {
      expect(refuse(text).code).toBe("bad_frame");
    }
  });

  test("names the field that is missing or ill-typed, and repeats its ref", () => {
    const cases: [string, object][] = [
      ["type", {}],
      ["type", { type: "Join", room: "a" }],
      ["type", { type: 1 }],
      ["type", { type: "__proto__" }],
      ["type", { type: "constructor" }],
      ["room", { type: "join" }],
      ["room", { type: "leave", room: 1 }],
      ["room", { type: "members", room: ["a"] }],
      ["content", { type: "message", room: "a" }],
      ["content", { type: "signal", room: "a" }],
      ["id", { type: "message", room: "a", content: 1, id: "" }],
      ["since", { type: "join", room: "a", since: 5 }],
      ["username", { type: "join", room: "a", username: "" }],
      ["binary", { type: "join", room: "a", binary: 1 }],
      ["before", { type: "history", room: "a", before: "x" }],
      ["limit", { type: "history", room: "a", limit: 501 }],
      ["token", { type: "auth" }],
    ];
    for (const [field, frame] of cases) {
      const error = refuse({ ...frame, ref: "again" });
      expect([error.code, error.message]).toEqual([
        "bad_frame",
        expect.stringContaining(`"${field}"`),
      ]);
      expect(error instanceof FrameError && error.ref).toBe("again");
    }
  });

  test("with a room that breaks the rule is an invalid room", () => {
    for (const type of ["join", "leave", "message", "signal", "history", "members"]) {
      const error = refuse({ type, room: "a b", content: 1, ref: 3 });
      expect([type, error.code]).toEqual([type, "invalid_room"]);
      expect(error instanceof FrameError && error.ref).toBe(3);
    }
  });

  test("may have a ref of text up to 128 characters or any finite number", () => {
    for (const ref of ["", "a".repeat(128), 0, -7, 1e300, 0.5]) {
      expect(decodeFrame(JSON.stringify({ type: "ping", ref })).ref).toBe(ref);
    }
    expect(decodeFrame('{"type":"ping","ref":null}').ref).toBeUndefined();
    for (const ref of ['"'.concat("a".repeat(129), '"'), "{}", "[]", "true", "1e999", "-1e999"]) {
      expect(refuse(`{"type":"ping","ref":${ref}}`).message).toContain('"ref"');
    }
  });

  test("keeps keys that are special in JavaScript as mere keys", () => {
    const text = '{"type":"message","room":"a","content":{"__proto__":{"x":1},"constructor":2}}';
    const frame = decodeFrame(text);
    expect(frame.type === "message" && JSON.stringify(frame.content)).toBe(
      '{"__proto__":{"x":1},"constructor":2}',
    );
    expect(({} as { x?: number }).x).toBeUndefined();
    // A type that is only inherited is none.
    expect(refuse('{"__proto__":{"type":"ping"}}').message).toContain('"type"');
  });

  test("decodes or is refused, whatever the text", () => {
    const name = fc.constantFrom(
      ...["type", "room", "content", "ref", "since", "before", "limit", "username", "binary"],
      ...["data", "token", "id", "__proto__"],
    );
    const type = fc.constantFrom(
      "join",
      "leave",
      "message",
      "signal",
      "history",
      "members",
      "auth",
    );
    const value = fc.oneof(type, fc.constant("general"), fc.constant("x:1"), fc.jsonValue());
    const object = fc.dictionary(name, value).map((fields) => JSON.stringify(fields));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), object), (text) => {
        try {
          expect(decodeFrame(text).type).toBeString();
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(PartylineError);
          expect((thrown as PartylineError).code).toBeOneOf(["bad_frame", "invalid_room"]);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("carries any JSON value unchanged", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (content) => {
        const json = JSON.stringify(content);
        const frame = decodeFrame(`{"type":"message","room":"a","content":${json}}`);
        expect(frame.type === "message" && JSON.stringify(frame.content)).toBe(json);
      }),
    );
  });
});

describe("a server's frame", () => {
  test("leaves out a ref that was not given", () => {
    expect(encodeFrame({ type: "left", ref: undefined, room: "a" })).toBe(
      '{"type":"left","room":"a"}',
    );
    expect(encodeFrame({ type: "left", ref: 0, room: "a" })).toBe(
      '{"type":"left","ref":0,"room":"a"}',
    );
  });
});
