/** The page's own log of a room, without a browser. */

import { describe, expect, test } from "bun:test";
import { RoomLog } from "../../public/app/room-log.ts";
import type { Message } from "../../src/client/contract.ts";

function message(offset: number, epoch = "e1", id = `m${epoch}${offset}`): Message {
  const from = { id: "~b", name: "Bob" };
  const position = `${epoch}:${offset}`;
  return { type: "message", room: "r", position, id, from, at: offset, content: `text ${offset}` };
}

function offsets(log: RoomLog): string {
  return log.entries.map(({ kind, offset }) => (kind === "gap" ? "gap" : offset)).join(" ");
}

describe("the log of a room", () => {
  test("takes each message once, also when a reconnect brings it again", () => {
    const log = new RoomLog(null);
    log.join("e1:4");
    expect(log.receive(message(5), false)).toBe(true);
    expect(log.receive(message(5), false)).toBe(false);
    expect(log.receive(message(6), false)).toBe(true);
    log.join("e1:6");
    expect(log.receive(message(6), false)).toBe(false);
    expect(offsets(log)).toBe("5 6");
    expect(log.unread).toBe(2);
  });

  test("asks for history before the oldest entry, and puts it there without overlap", () => {
    const log = new RoomLog("e1:9");
    expect(log.historyBefore).toBeUndefined();
    log.join("e1:9");
    expect(log.historyBefore).toBe("e1:10");
    log.receive(message(10), false);
    log.prepend([message(8), message(9), message(10)], true);
    expect(offsets(log)).toBe("8 9 10");
    expect(log.historyBefore).toBe("e1:8");
    log.prepend([message(7)], false);
    expect(log.historyBefore).toBeUndefined();
  });

  test("counts what a gap within one epoch skipped, and does not count across epochs", () => {
    const log = new RoomLog("e1:3");
    log.join("e1:3");
    log.miss({ type: "gap", room: "r", reason: "trimmed", from: "e1:3", to: "e1:15" });
    log.receive(message(16), false);
    expect(log.entries[0]).toEqual({ kind: "gap", offset: 16, missed: 12 });
    log.miss({ type: "gap", room: "r", reason: "reset", from: "e1:16", to: "e2:0" });
    expect(log.receive(message(1, "e2"), false)).toBe(true);
    expect(offsets(log)).toBe("gap 16 gap 1");
    expect(log.entries[2]).toMatchObject({ missed: null });
    expect(log.historyBefore).toBeUndefined(); // history of one epoch never mixes into another
  });

  test("remembers nothing as read before it was joined", () => {
    const log = new RoomLog("e1:7");
    expect(log.markRead()).toBe(false);
    expect(log.readText).toBe("e1:7");
    log.join("e1:7");
    log.receive(message(8), false);
    expect(log.markRead()).toBe(true);
    expect(log.readText).toBe("e1:8");
    expect(log.unread).toBe(0);
  });

  test("does not count own messages as unread, and moves the line past them", () => {
    const log = new RoomLog("e1:1");
    log.join("e1:1");
    log.line = { epoch: "e1", offset: 1 };
    log.receive(message(2), true);
    expect(log.unread).toBe(0);
    expect(log.line).toEqual({ epoch: "e1", offset: 2 });
    log.receive(message(3), false);
    log.receive(message(4), true);
    expect(log.line).toEqual({ epoch: "e1", offset: 2 });
  });

  test("shows our own message once, whether its answer or the message comes first", () => {
    const log = new RoomLog(null);
    log.join("e1:0");
    const waiting = { id: "x", room: "r", content: "hi", at: 1, state: "waiting" } as const;
    log.track(waiting);
    log.receive(message(1, "e1", "x"), true);
    expect(log.outgoing).toEqual([]);
    log.track({ ...waiting, state: "sent", position: "e1:1" });
    expect(log.outgoing).toEqual([]);
    log.track({ ...waiting, id: "y" });
    log.track({ ...waiting, id: "y", state: "sent", position: "e1:2" });
    expect(log.outgoing).toHaveLength(1);
    log.receive(message(2, "e1", "y"), true);
    expect(log.outgoing).toEqual([]);
  });

  test("shows a message once that had been stored before a reload", () => {
    const log = new RoomLog("e1:5");
    log.join("e1:5");
    log.track({ id: "x", room: "r", content: "hi", at: 1, state: "waiting" });
    log.track({ id: "x", room: "r", content: "hi", at: 1, state: "sent", position: "e1:4" });
    expect(log.outgoing).toEqual([]);
  });

  test("keeps a bounded number of entries, and can fetch the forgotten ones again", () => {
    const log = new RoomLog(null);
    log.join("e1:0");
    log.hasMore = false;
    for (let offset = 1; offset <= 5_000; offset += 1) log.receive(message(offset), false);
    expect(log.entries.length).toBeLessThanOrEqual(1_000);
    expect(log.unread).toBe(5_000);
    expect(log.historyBefore).toBe(`e1:${log.entries[0]?.offset}`);
  });

  test("forgets nothing that the reader is looking at", () => {
    const log = new RoomLog(null);
    log.join("e1:5000");
    log.isBrowsed = true;
    log.prepend(
      Array.from({ length: 3_000 }, (_, index) => message(2_001 + index)),
      true,
    );
    log.receive(message(5_001), false);
    expect(log.entries).toHaveLength(3_001);
    log.isBrowsed = false;
    log.receive(message(5_002), false);
    expect(log.entries.length).toBeLessThanOrEqual(1_000);
  });
});
