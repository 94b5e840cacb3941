import { beforeEach, describe, expect, test } from "bun:test";
import { encodePast, type Past, readBefore, readSince } from "../../src/hub/history.ts";
import { Chance } from "../support/chance.ts";
import { createMessage } from "../support/quiet-room.ts";
import { SlowBroker } from "../support/slow-broker.ts";

let log: SlowBroker;

beforeEach(async () => {
  // Messages 6 to 10 of ten are kept.
  log = new SlowBroker({ chance: new Chance(1), messagesMax: 5, isAhead: false });
  for (let offset = 1; offset <= 10; offset += 1) await log.publish(createMessage(offset));
});

const offsets = ({ messages }: Past) => messages.map(({ offset }) => offset);
const at = (offset: number, epoch = "e") => ({ epoch, offset });

describe("reading backwards", () => {
  test("pages to the oldest message that is kept, and says when there is no more", async () => {
    const newest = await readBefore(log, "hall", "end", 3);
    expect([offsets(newest), newest.more, newest.position]).toEqual([[8, 9, 10], true, "e:10"]);
    const oldest = await readBefore(log, "hall", at(8), 3);
    expect([offsets(oldest), oldest.more, oldest.position]).toEqual([[6, 7], false, "e:7"]);
    const nothing = await readBefore(log, "hall", at(6), 3);
    expect([offsets(nothing), nothing.more, nothing.position]).toEqual([[], false, "e:5"]);
  });

  test("from the start has nothing, and from an unknown place starts at the end", async () => {
    expect(offsets(await readBefore(log, "hall", "start", 5))).toEqual([]);
    for (const place of [at(3, "f"), at(11), at(Number.MAX_SAFE_INTEGER)]) {
      expect(offsets(await readBefore(log, "hall", place, 2))).toEqual([9, 10]);
    }
  });

  test("of a room that nobody wrote to is empty", async () => {
    const past = await readBefore(log, "empty", "end", 5);
    expect(past).toEqual({ room: "empty", position: "e:0", messages: [], more: false });
  });
});

describe("reading forwards", () => {
  test("pages to the end, and says when there is no more", async () => {
    const first = await readSince(log, "hall", at(7), 2);
    expect([offsets(first), first.more, first.position]).toEqual([[8, 9], true, "e:9"]);
    expect(first).not.toHaveProperty("gap");
    const last = await readSince(log, "hall", at(9), 2);
    expect([offsets(last), last.more, last.position]).toEqual([[10], false, "e:10"]);
    const none = await readSince(log, "hall", at(10), 2);
    expect([offsets(none), none.more, none.position]).toEqual([[], false, "e:10"]);
  });

  test("says what was forgotten", async () => {
    const past = await readSince(log, "hall", at(2), 2);
    expect(offsets(past)).toEqual([6, 7]);
    expect(past.gap).toMatchObject({ reason: "trimmed", from: "e:2", to: "e:5" });
  });

  test("from a place of another life, or ahead of the room, starts over", async () => {
    for (const place of [at(8, "f"), at(11)]) {
      const past = await readSince(log, "hall", place, 500);
      expect(offsets(past)).toEqual([6, 7, 8, 9, 10]);
      expect(past.gap).toMatchObject({ reason: "reset", to: "e:5" });
    }
  });

  test("from the start has no gap, and from the end nothing", async () => {
    const past = await readSince(log, "hall", "start", 500);
    expect([offsets(past).length, past.gap]).toEqual([5, undefined]);
    const end = await readSince(log, "hall", "end", 500);
    expect([offsets(end), end.position, end.gap]).toEqual([[], "e:10", undefined]);
  });
});

test("an answer is encoded with its messages as they are on every transport", async () => {
  const past = await readBefore(log, "hall", "end", 1);
  expect(JSON.parse(encodePast(past, { type: "history", ref: undefined }))).toMatchObject({
    type: "history",
    room: "hall",
    position: "e:10",
    more: true,
    messages: [{ type: "message", position: "e:10", content: "x" }],
  });
  const none = encodePast({ room: "hall", messages: [], more: false });
  expect(none).toBe('{"room":"hall","more":false,"messages":[]}');
});
