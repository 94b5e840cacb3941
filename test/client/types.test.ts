/** What compiles, and what must not: `bun check` fails where a line below stops being a mistake. */

import { expect, test } from "bun:test";
import {
  connect,
  type ErrorCode,
  type Line,
  LineError,
  type Room,
} from "../../src/client/index.ts";

interface Chat {
  readonly text: string;
}

interface Typing {
  readonly typing: boolean;
}

/** Never called. */
export async function useAsInAnEditor(): Promise<void> {
  using line = connect("http://127.0.0.1:8080", { token: async () => "token" });
  await using other: Line = connect();
  using room = line.join<Chat, Typing>("general", { since: "start" });
  const plain: Room = other.join("general");

  const position: string = await room.publish({ text: "hi" }, { id: "m-1" });
  await room.publish(new Uint8Array(1));
  // @ts-expect-error: another content than the room's
  await room.publish({ txt: "hi" });
  // @ts-expect-error: another signal than the room's
  room.signal({ text: "hi" });
  room.signal({ typing: true });
  await plain.publish([1, null, position]);

  const end: () => void = room.on("message", ({ content }) => content.text.trim());
  end();
  room.on("signal", ({ content, from }) => [content.typing, from.name]);
  room.on("gap", ({ reason, from, to }) => [reason === "trimmed", from?.length, to.length]);
  room.on("error", ({ code, retryAfterMs = 0 }) => [code === "closed", retryAfterMs + 1]);
  // @ts-expect-error: no such event of a room
  room.on("massage", () => {});
  // @ts-expect-error: an event of a line
  room.on("state", () => {});
  // @ts-expect-error: an event of a room
  line.on("message", () => {});
  // @ts-expect-error: content is anything where the room was not typed
  plain.on("message", ({ content }) => content.text);
  // @ts-expect-error: no such option
  connect("http://127.0.0.1:8080", { tokn: "token" });
  // @ts-expect-error: no such transport
  connect("http://127.0.0.1:8080", { transport: "polling" });
  // @ts-expect-error: nobody but the line says how it stands
  line.state = { name: "connecting" };

  for await (const { content, bytes, gap } of room) {
    const text: string = content.text;
    // @ts-expect-error: bytes are there only where bytes were published
    bytes.length + text.length + (gap?.to.length ?? 0);
  }
  const { messages, more } = await room.history({ before: position, limit: 10 });
  const [first] = messages;
  const said: string | undefined = more ? undefined : first?.content.text;
  line.on("state", (state) => {
    // @ts-expect-error: only a line that waits has it
    state.retryAt.toFixed();
    if (state.name === "waiting") state.retryAt.toFixed();
    if (state.name === "open") state.transport.includes(said ?? "");
    const code: ErrorCode | undefined = state.name === "closed" ? state.code : undefined;
    return code;
  });
}

test("an error is known by its class, and its code by type", () => {
  const error: unknown = new LineError("too_large", "It is too large.");
  const code = error instanceof LineError && error.code;
  expect(code).toBe("too_large");
});
