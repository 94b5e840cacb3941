import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type LineState, type Message, type Room } from "../../src/client/index.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ frameBytesMax: 4_096 });
});
afterAll(() => server[Symbol.asyncDispose]());

const transports = ["websocket", "sse"] as const;

/** Notes what a room hears. */
function note<Content>(room: Room<Content>): Message<Content>[] {
  const messages: Message<Content>[] = [];
  room.on("message", (message) => messages.push(message));
  return messages;
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "none",
    ({ code }) => code,
  );
}

for (const transport of transports) {
  describe(`a line by ${transport}`, () => {
    test("joins, publishes, hears, reads the past and tells who is there", async () => {
      using line = connect(server.url, { transport, username: "Ann" });
      const states: LineState[] = [];
      line.on("state", (state) => states.push(state));
      const room = line.join<{ text: string }>(`talk-${transport}`);
      const heard = note(room);
      const position = await room.publish({ text: "hello" }, { id: "m-1" });
      await eventually("the message", () => heard.length === 1);
      expect(heard[0]).toMatchObject({
        position,
        id: "m-1",
        from: { name: "Ann" },
        content: { text: "hello" },
      });
      expect(room.position).toBe(position);
      expect(room.isJoined).toBe(true);
      const past = await room.history({ limit: 10 });
      expect(past).toEqual({ messages: heard, more: false });
      expect(states).toEqual([{ name: "open", transport }]);
      expect(line.state).toEqual({ name: "open", transport });
      expect(line.pending).toBe(0);
      const guest = await server.connect();
      await guest.join(room.name, { username: "Bob" });
      await eventually("Bob", () => room.members.some(({ name }) => name === "Bob"));
      expect(room.memberCount).toBe(transport === "websocket" ? 2 : 1);
    });

    test("follows several rooms, from start or end, and joins another without a loss", async () => {
      await server.publish(`first-${transport}`, 1);
      await server.publish(`second-${transport}`, 1);
      using line = connect(server.url, { transport });
      const first = note(line.join(`first-${transport}`, { since: "start" }));
      const room = line.join(`second-${transport}`);
      const second = note(room);
      await eventually("both rooms", () => room.isJoined && first.length === 1);
      const third = line.join(`third-${transport}`, { since: "start" });
      const heard = note(third);
      for (let count = 2; count <= 20; count += 1) {
        for (const name of ["first", "second", "third"]) {
          await server.publish(`${name}-${transport}`, count);
        }
      }
      await eventually("all of it", () => heard.length === 19 && first.length === 20);
      await eventually("the second room", () => second.length === 19);
      expect(first.map(({ content }) => content)).toEqual(range(1, 20));
      expect(second.map(({ content }) => content)).toEqual(range(2, 20));
      expect(heard.map(({ content }) => content)).toEqual(range(2, 20));
      expect([...line.rooms.keys()]).toEqual(
        ["first", "second", "third"].map((x) => `${x}-${transport}`),
      );
      expect(line.join(third.name)).toBe(third);
    });

    test("carries bytes both ways", async () => {
      using line = connect(server.url, { transport });
      const text = line.join(`bytes-${transport}`);
      using other = connect(server.url);
      const binary = other.join(`bytes-${transport}`);
      const [heard, raw] = [note(text), note(binary)];
      const signals: Uint8Array[] = [];
      binary.on("signal", ({ bytes }) => signals.push(bytes ?? new Uint8Array()));
      await eventually("both", () => text.isJoined && binary.isJoined);
      const bytes = Uint8Array.of(0, 255, 16);
      const position = await text.publish(bytes, { id: "b-1" });
      expect(await text.publish(bytes, { id: "b-1" })).toBe(position);
      await eventually("the bytes", () => heard.length === 1 && raw.length === 1);
      expect(heard[0]).toMatchObject({ id: "b-1", bytes, position });
      expect(raw[0]).toMatchObject({ id: "b-1", bytes, position });
      text.signal(bytes);
      await eventually("the signal", () => signals.length === 1);
      expect(signals).toEqual([bytes]);
      expect(await codeOf(text.publish(bytes, { id: "é\n" }))).not.toBe("none");
    });

    test("signals to the others in the room", async () => {
      using line = connect(server.url, { transport, username: "Ann" });
      const room = line.join(`signals-${transport}`);
      const guest = await server.connect();
      await guest.join(room.name);
      await eventually("the room", () => room.isJoined);
      room.signal({ typing: true });
      const heard = await guest.next("signal");
      expect(heard).toMatchObject({ content: { typing: true }, from: { name: "Ann" } });
      const told: unknown[] = [];
      room.on("signal", (signal) => told.push(signal));
      guest.send({ type: "signal", room: room.name, content: 7 });
      await eventually("a signal back", () => told.length === 1);
      expect(told[0]).toMatchObject({ type: "signal", content: 7 });
    });

    test("rejects what is refused, and goes on", async () => {
      using line = connect(server.url, { transport });
      const errors: unknown[] = [];
      const room = line.join(`refusals-${transport}`);
      expect(await codeOf(room.publish("x".repeat(5_000)))).toBe("too_large");
      expect(await codeOf(room.publish("é".repeat(3_000)))).toBe("too_large");
      expect(await codeOf(room.publish(new Uint8Array(5_000)))).toBe("too_large");
      expect(await codeOf(room.publish(undefined))).toBe("bad_frame");
      expect(await codeOf(room.publish(1, { id: "" }))).toBe("bad_frame");
      expect(await codeOf(room.publish(1))).toBe("none");
      const hidden = line.join("not a name");
      hidden.on("error", ({ code }) => errors.push(code));
      const waiting = hidden.publish(1);
      expect(await codeOf(read(hidden))).toBe("invalid_room");
      expect(await codeOf(waiting)).toBe("invalid_room");
      expect(errors).toEqual(["invalid_room"]);
      expect(await codeOf(room.publish(2))).toBe("none");
      expect([...line.rooms.keys()]).toEqual([room.name]);
      expect(line.state.name).toBe("open");
    });

    test("ends its iterations, and rejects what is pending, when it is closed", async () => {
      const line = connect(server.url, { transport });
      const room = line.join(`closing-${transport}`, { since: "start" });
      const left = line.join(`left-${transport}`);
      const all = [read(room), read(left)];
      await room.publish(1);
      const late = left.publish(2);
      left.leave();
      left.leave();
      expect(await codeOf(late)).toBe("closed");
      const last = room.publish(3);
      line.close();
      line.close();
      expect(await codeOf(last)).toBe("closed");
      expect(await codeOf(room.publish(4))).toBe("closed");
      expect(() => line.join("x")).toThrow("closed");
      expect((await all[1])?.length).toBe(0);
      expect((await all[0])?.length).toBeLessThanOrEqual(2);
      expect(line.state).toEqual({ name: "closed", reason: expect.any(String) });
      expect(line.rooms.size).toBe(0);
    });

    test("waits for what is pending at the end of an await using", async () => {
      let position = Promise.resolve("");
      {
        await using line = connect(server.url, { transport });
        position = line.join(`using-${transport}`).publish("kept");
      }
      expect(await position).toEndWith(":1");
    });

    test("renames somebody anonymous everywhere", async () => {
      using line = connect(server.url, { transport, username: "Ann" });
      const room = line.join(`names-${transport}`);
      const heard = note(room);
      await room.publish(1);
      line.username = "Anna";
      await room.publish(2);
      await eventually("both", () => heard.length === 2);
      expect(heard.map(({ from }) => from.name)).toEqual(["Ann", "Anna"]);
    });
  });
}

describe("a line", () => {
  test("takes addresses of http and ws, with a path, and refuses others", async () => {
    const { port } = server;
    for (const url of [`ws://127.0.0.1:${port}`, `http://localhost:${port}/?a=b#c`]) {
      using line = connect(url);
      await line.join("addresses").publish(1);
    }
    expect(() => connect("nonsense")).toThrow();
  });

  test("holds a bounded number of publishes, and of bytes", async () => {
    using line = connect("http://127.0.0.1:1", { pendingMax: 2, pendingBytesMax: 100 });
    const room = line.join("bounds");
    const first = room.publish("x".repeat(90));
    expect(await codeOf(room.publish("x".repeat(20)))).toBe("too_many");
    const second = room.publish(1);
    expect(await codeOf(room.publish(2))).toBe("too_many");
    expect(line.pending).toBe(2);
    line.close();
    expect(await Promise.all([codeOf(first), codeOf(second)])).toEqual(["closed", "closed"]);
  });

  test("tells a listener's mistake to nobody else", async () => {
    using line = connect(server.url);
    const room = line.join("mistakes");
    const heard: number[] = [];
    const stop = room.on("message", () => heard.push(1));
    room.on("message", () => heard.push(2));
    await room.publish(1);
    await eventually("both", () => heard.length === 2);
    stop();
    await room.publish(2);
    await eventually("one", () => heard.length === 3);
    expect(heard).toEqual([1, 2, 2]);
  });
});

async function read(room: Room): Promise<unknown[]> {
  const contents: unknown[] = [];
  for await (const { content } of room) contents.push(content);
  return contents;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
