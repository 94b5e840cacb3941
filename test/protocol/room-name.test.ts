import { expect, test } from "bun:test";
import fc from "fast-check";
import { PartylineError } from "../../src/protocol/errors.ts";
import { assertRoomName, isSystemRoom } from "../../src/protocol/room-name.ts";

function codeOf(room: string): string | undefined {
  try {
    assertRoomName(room);
    return undefined;
  } catch (thrown) {
    return thrown instanceof PartylineError ? thrown.code : String(thrown);
  }
}

test("a room may have any of the signs that need no escaping, up to 128 of them", () => {
  for (const room of [
    "a",
    "general",
    "A-Z_0.9:~",
    "..",
    "~",
    ":",
    "a".repeat(128),
    "$clock",
    "$server",
  ]) {
    expect(assertRoomName(room)).toBe(room);
  }
});

test("any other name is an invalid room", () => {
  const refused = [
    "",
    "$",
    "$$clock",
    "a$",
    "a b",
    "a/b",
    "a\n",
    "\na",
    "a\0",
    "a,b",
    "a@b",
    'a"b',
    "ä",
    "а", // Cyrillic
    "a".repeat(129),
    "$general",
    "$Clock",
    "a%20b",
    "\ud800",
  ];
  for (const room of refused) expect([room, codeOf(room)]).toEqual([room, "invalid_room"]);
});

test("any text is a name of the signs that are allowed, or refused", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 140 }), (room) => {
      const isName = /^[\w.:~-]+$/.test(room) && room.length <= 128 && !room.endsWith("\n");
      expect(codeOf(room)).toBe(isName ? undefined : "invalid_room");
    }),
  );
});

test("the server's own rooms start with a dollar sign", () => {
  expect(isSystemRoom("$clock")).toBe(true);
  expect(isSystemRoom("clock")).toBe(false);
  expect(isSystemRoom("")).toBe(false);
});
