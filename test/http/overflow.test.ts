import { expect, test } from "bun:test";
import { Overflow } from "../../src/http/overflow.ts";
import { eventually } from "../support/poll.ts";

test("a publish that fitted every queue is no overflow", () => {
  const overflow = new Overflow();
  overflow.note(120);
  overflow.note(-1);
  overflow.note(undefined);
  expect(overflow.isRecent).toBe(false);
});

test("an overflow is recent until its turn is over, however long that takes, and then is past", async () => {
  const overflow = new Overflow();
  overflow.note(0);
  Bun.sleepSync(200);
  expect(overflow.isRecent).toBe(true);
  await eventually("its end", () => !overflow.isRecent);
});

test("an overflow at the end of another's time is recent past it", async () => {
  const overflow = new Overflow();
  overflow.note(0);
  let isSeen: boolean | undefined;
  setTimeout(() => {
    overflow.note(0);
    Bun.sleepSync(100); // a turn that is longer than what was left of the first one's time
    setTimeout(() => {
      isSeen = overflow.isRecent;
    }, 0);
  }, 40);
  expect(await eventually("the turn after", () => isSeen !== undefined && { isSeen })).toEqual({
    isSeen: true,
  });
  await eventually("its end", () => !overflow.isRecent);
});
