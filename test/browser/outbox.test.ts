/** The page's own messages on their way, without a browser. */

import { describe, expect, test } from "bun:test";
import { type Carrier, createOutgoing, Outbox, type Outgoing } from "../../public/app/outgoing.ts";
import type { ErrorCode } from "../../src/client/index.ts";
import { LineError } from "../../src/client/index.ts";

/** A line that is open and in the room `r`. What is published waits for `answers`, in its order. */
function createScene() {
  const sent: string[] = [];
  const answers: PromiseWithResolvers<string>[] = [];
  const publish = (_content: unknown, { id = "" } = {}) => {
    sent.push(id);
    const answer = Promise.withResolvers<string>();
    answers.push(answer);
    return answer.promise;
  };
  const rooms = new Map([["r", { publish }]]);
  const line: { -readonly [Name in keyof Carrier]: Carrier[Name] } = {
    state: { name: "open", transport: "websocket" },
    rooms,
  };
  const states = new Map<string, Outgoing>();
  const refused: string[] = [];
  const outbox = new Outbox(line, {
    onOutgoing: (outgoing) => void states.set(outgoing.id, outgoing),
    onRefused: ({ id }, { code }) => void refused.push(`${id} ${code}`),
  });
  const refuse = (index: number, code: ErrorCode | "closed", message: string) =>
    answers[index]?.reject(new LineError(code, message));
  return { outbox, line, rooms, publish, sent, answers, states, refused, refuse };
}

function message(id: string, room = "r"): Outgoing {
  return { id, room, content: "hi", at: 1, state: "waiting" };
}

describe("the outbox", () => {
  test("hands a message to the line once, with its id, until it is stored", async () => {
    const { outbox, sent, answers, states } = createScene();
    const first = outbox.send(message("1"));
    const again = outbox.send(message("1"));
    outbox.send(message("2"));
    expect(sent).toEqual(["1", "2"]);
    expect(states.get("1")?.state).toBe("waiting");
    answers[0]?.resolve("e:1");
    await Promise.all([first, again]);
    expect(states.get("1")).toMatchObject({ state: "sent", position: "e:1" });
    expect(states.get("2")?.state).toBe("waiting");
  });

  test("fails a message for good with the reason, and takes it again with its id", async () => {
    const { outbox, sent, states, refused, refuse } = createScene();
    const first = outbox.send(message("1"));
    refuse(0, "forbidden", "You may not write here.");
    await first;
    const failed = states.get("1");
    expect(failed).toMatchObject({ state: "failed", failure: "You may not write here." });
    expect(refused).toEqual(["1 forbidden"]);
    if (failed !== undefined) outbox.send(failed);
    expect(sent).toEqual(["1", "1"]);
    expect(states.get("1")).toEqual(message("1"));
  });

  test("keeps what waits for a room that cannot be joined yet, and sends it then", async () => {
    const { outbox, rooms, publish, sent, states } = createScene();
    await outbox.send(message("1", "other"));
    expect(states.get("1")?.state).toBe("waiting");
    expect(sent).toEqual([]);
    rooms.set("other", { publish });
    outbox.send(message("1", "other"));
    expect(sent).toEqual(["1"]);
  });

  test("keeps what the line gave up because it was closed, and sends it once it is open", async () => {
    const { outbox, line, sent, states, refused, refuse } = createScene();
    const { state } = line;
    const first = outbox.send(message("1"));
    line.state = { name: "closed", reason: "The token ran out.", code: "unauthenticated" };
    refuse(0, "unauthenticated", "The token ran out.");
    await first;
    await outbox.send(message("2"));
    expect([states.get("1")?.state, states.get("2")?.state]).toEqual(["waiting", "waiting"]);
    expect(refused).toEqual([]);
    line.state = state;
    for (const each of states.values()) outbox.send(each);
    expect(sent).toEqual(["1", "1", "2"]);
  });

  test("says nothing more of what waits for a room that was left", async () => {
    const { outbox, rooms, states, refused, refuse } = createScene();
    const first = outbox.send(message("1"));
    rooms.delete("r");
    refuse(0, "closed", "The room was left.");
    await first;
    expect(states.get("1")?.state).toBe("waiting");
    expect(refused).toEqual([]);
  });
});

test("messages have ids of their own, which no other page makes", () => {
  const ids = new Set(Array.from({ length: 1_000 }, () => createOutgoing("r", "hi").id));
  expect(ids.size).toBe(1_000);
});
