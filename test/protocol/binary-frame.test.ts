import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBinaryFrame, encodeBinaryFrame } from "../../src/protocol/binary-frame.ts";
import { PartylineError } from "../../src/protocol/errors.ts";

const room = fc.stringMatching(/^[A-Za-z0-9_.:~-]{1,128}$/);
const kind = fc.constantFrom("message" as const, "signal" as const);

/** The frame a client sends: that of the server without an offset. */
function clientFrame(kind: number, room: string, payload: Uint8Array): Uint8Array {
  return new Uint8Array([kind, room.length, ...Buffer.from(room, "latin1"), ...payload]);
}

function codeOf(frame: Uint8Array): string {
  try {
    decodeBinaryFrame(frame);
    return "decoded";
  } catch (thrown) {
    return thrown instanceof PartylineError ? thrown.code : String(thrown);
  }
}

describe("a client's binary frame", () => {
  test("gives its kind, room and payload", () => {
    fc.assert(
      fc.property(kind, room, fc.uint8Array({ maxLength: 300 }), (kind, room, payload) => {
        const frame = clientFrame(kind === "message" ? 1 : 2, room, payload);
        expect(decodeBinaryFrame(frame)).toEqual({ kind, room, payload });
      }),
    );
  });

  test("may have an empty payload", () => {
    expect(decodeBinaryFrame(clientFrame(1, "a", new Uint8Array())).payload).toHaveLength(0);
  });

  test("is bad when it ends within its header or has another kind", () => {
    const frames = [[], [1], [1, 1], [1, 5, 97, 97, 97, 97], [0, 1, 97], [3, 1, 97], [255, 1, 97]];
    for (const frame of frames) expect(codeOf(new Uint8Array(frame))).toBe("bad_frame");
  });

  test("is refused for the name of its room", () => {
    expect(codeOf(new Uint8Array([1, 0]))).toBe("invalid_room");
    expect(codeOf(clientFrame(1, "a b", new Uint8Array()))).toBe("invalid_room");
    expect(codeOf(new Uint8Array([1, 2, 0xc3, 0xa4]))).toBe("invalid_room"); // "ä" in UTF-8
    expect(codeOf(clientFrame(1, "a".repeat(129), new Uint8Array()))).toBe("invalid_room");
    expect(codeOf(clientFrame(1, "a".repeat(128), new Uint8Array()))).toBe("decoded");
  });

  test("of any bytes decodes or is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (frame) => {
        expect(["decoded", "bad_frame", "invalid_room"]).toContain(codeOf(frame));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a server's binary frame", () => {
  test("has a big-endian offset between the room and the payload", () => {
    const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    const payload = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(kind, room, offset, payload, (kind, room, offset, payload) => {
        const frame = encodeBinaryFrame(kind, room, offset, payload);
        const decoded = decodeBinaryFrame(frame);
        const rest = Buffer.from(decoded.payload);
        expect(decoded).toMatchObject({ kind, room });
        expect(Number(rest.readBigUInt64BE())).toBe(offset);
        expect(new Uint8Array(rest.subarray(8))).toEqual(payload);
      }),
    );
  });
});
