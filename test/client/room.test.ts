import { expect, test } from "bun:test";
import type { Message } from "../../src/client/contract.ts";
import type { Page } from "../../src/client/link.ts";
import { Reader } from "../../src/client/reader.ts";
import { JoinedRoom } from "../../src/client/room.ts";

const nobody = { members: [], memberCount: 0, observers: 0 };

test("a room that was told where to begin stays there until it hears of a gap", () => {
  const line = { ask: () => Promise.reject(), send: () => {}, leave: () => {} };
  const room = new JoinedRoom("general", { since: "old:5" }, line);
  room.hear({ type: "joined", ref: `j${room.ref}`, room: "general", position: "new:9", ...nobody });
  expect(room.since).toBe("old:5");
  const gap = { type: "gap", room: "general", reason: "reset", from: "old:5" } as const;
  room.hear({ ...gap, to: "new:7" });
  expect(room.since).toBe("new:7");
});

test("an iteration behind a log that began anew while it read goes on with the new one", async () => {
  const pages: Record<string, Page> = {
    "old:0": page("old:1", ["old:1"]),
    "old:1": { ...page("new:2", ["new:1", "new:2"]), gap: toGap("old:1", "new:0") },
  };
  const source = {
    position: "old:1",
    read(since: string) {
      // The line hears of the new log before the answer of the old one is there.
      source.position = "new:2";
      return Promise.resolve(pages[since] ?? page("new:2", []));
    },
  };
  const reader = new Reader(source, "old:0", true);
  const heard: unknown[] = [];
  for await (const { position, gap } of reader.messages(() => {})) {
    heard.push(gap?.reason ?? "whole", position);
    if (position === "new:2") break;
  }
  expect(heard).toEqual(["whole", "old:1", "reset", "new:1", "whole", "new:2"]);
});

function toGap(from: string, to: string) {
  return { type: "gap", room: "general", reason: "reset", from, to } as const;
}

function page(position: string, positions: readonly string[]): Page {
  const messages = positions.map((each) => toMessage(each));
  return { type: "read", messages, position, more: false };
}

function toMessage(position: string): Message & { bytes?: undefined } {
  const from = { id: "alice", name: "Alice" };
  return { type: "message", room: "general", position, id: position, from, at: 1, content: 1 };
}
