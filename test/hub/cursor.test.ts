import { describe, expect, test } from "bun:test";
import { Cursor } from "../../src/hub/cursor.ts";

const hall = { name: "hall", epoch: "e", last: 10 };

describe("a cursor", () => {
  test("at the end or exactly at a position misses nothing when the next message follows", () => {
    for (const since of ["end", { epoch: "e", offset: 10 }] as const) {
      const cursor = new Cursor(hall, since);
      expect(cursor.skipTo(11)).toBeUndefined();
      expect(cursor.position).toBe("e:10");
    }
    const cursor = new Cursor(hall, { epoch: "e", offset: 0 });
    expect([cursor.skipTo(1), cursor.position]).toEqual([undefined, "e:0"]);
  });

  test("at the start misses nothing, whatever is no longer kept", () => {
    const cursor = new Cursor(hall, "start");
    expect(cursor.offset).toBe(0);
    expect(cursor.skipTo(7)).toBeUndefined();
    expect(cursor.position).toBe("e:6");
  });

  test("at the start says what is forgotten after its first message", () => {
    const cursor = new Cursor(hall, "start");
    cursor.skipTo(3);
    cursor.pass(4);
    expect(cursor.skipTo(8)).toEqual({
      type: "gap",
      room: "hall",
      reason: "trimmed",
      from: "e:4",
      to: "e:7",
    });
  });

  test("at a position that is no longer kept says exactly what is missing", () => {
    const cursor = new Cursor(hall, { epoch: "e", offset: 2 });
    const gap = { type: "gap", room: "hall", reason: "trimmed", from: "e:2", to: "e:5" } as const;
    expect(cursor.skipTo(6)).toEqual(gap);
    expect(cursor.offset).toBe(5);
    expect(cursor.skipTo(6)).toBeUndefined();
  });

  test("of another life, or ahead of the room, is reset to what is kept", () => {
    for (const since of [
      { epoch: "f", offset: 4 },
      { epoch: "e", offset: 11 },
      { epoch: "e", offset: Number.MAX_SAFE_INTEGER },
    ]) {
      const from = `${since.epoch}:${since.offset}`;
      const told = { type: "gap", room: "hall", reason: "reset", from } as const;
      const whole = new Cursor(hall, since);
      expect(whole.offset).toBe(0);
      expect(whole.skipTo(1)).toEqual({ ...told, to: "e:0" });
      expect(whole.skipTo(1)).toBeUndefined();
      expect(new Cursor(hall, since).skipTo(6)).toEqual({ ...told, to: "e:5" });
    }
  });

  test("of another life in an empty room is reset all the same", () => {
    const cursor = new Cursor({ ...hall, last: 0 }, { epoch: "f", offset: 0 });
    expect(cursor.skipTo(1)).toMatchObject({ reason: "reset", from: "f:0", to: "e:0" });
  });
});
