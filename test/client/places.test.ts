import { describe, expect, test } from "bun:test";
import { connect, type Line, type Room } from "../../src/client/index.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { undisturbed } from "../support/stall-watch.ts";

const transports = ["websocket", "sse"] as const;

function opened(line: Line): Promise<true> {
  return eventually("an open line", () => line.state.name === "open");
}

/** Notes the contents that a room hears. */
function note(room: Room): unknown[] {
  const contents: unknown[] = [];
  room.on("message", ({ content }) => contents.push(content));
  return contents;
}

function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "none",
    ({ code }) => code,
  );
}

describe("a line keeps its rooms", () => {
  for (const transport of transports) {
    test(`by ${transport} when one is left and joined again at once, from elsewhere`, async () => {
      await using server = await TestServer.start();
      for (const content of [1, 2, 3]) await server.publish("general", content);
      using line = connect(server.url, { transport });
      await opened(line);
      for (let round = 0; round < 5; round += 1) {
        const first = line.join("general");
        if (round % 2 === 1) await eventually("the first join", () => first.isJoined);
        const lost = first.publish("lost");
        first.leave();
        expect(await codeOf(lost)).toBe("closed");
        const again = line.join("general", { since: "start" });
        first.leave();
        expect(line.rooms.get("general")).toBe(again);
        const heard = note(again);
        const last = await again.publish(`round ${round}`);
        await eventually("all of it", () => again.position === last);
        expect(heard.filter((content) => content !== "lost").slice(0, 4)).toEqual([
          1,
          2,
          3,
          "round 0",
        ]);
        again.leave();
      }
    });
  }

  for (const transport of transports) {
    test(`by ${transport} when one of them is to begin at what is no position`, async () => {
      await using server = await TestServer.start();
      using line = connect(server.url, { transport });
      const good = line.join("general");
      await eventually("the good one", () => good.isJoined);
      const bad = line.join("other", { since: "garbage" });
      const codes: string[] = [];
      bad.on("error", ({ code }) => codes.push(code));
      await eventually("a refusal", () => codes.length > 0);
      expect(codes).toEqual(["bad_frame"]);
      expect([...line.rooms.keys()]).toEqual(["general"]);
      expect(await codeOf(good.publish("on"))).toBe("none");
    });
  }

  test("when there are more than SSE takes, and the server is away for a while", async () => {
    await using server = await TestServer.start();
    using proxy = new FaultProxy(server.port);
    using line = connect(proxy.url);
    const rooms = Array.from({ length: 60 }, (_, index) => line.join(`room-${index}`));
    await eventually("all rooms", () => rooms.every(({ isJoined }) => isJoined));
    let waits = 0;
    line.on("state", ({ name }) => {
      if (name !== "waiting") return;
      waits += 1;
      setTimeout(() => line.retry(), 1);
    });
    proxy.faults.isRefusing = true;
    proxy.cut();
    await eventually("tries over both transports", () => waits > 6);
    proxy.heal();
    await eventually("all rooms again", () => rooms.every(({ isJoined }) => isJoined));
    expect(line.state).toEqual({ name: "open", transport: "websocket" });
  });

  test("when a proxy has a page of its own where the server is away", async () => {
    await using server = await TestServer.start();
    let strange = 0;
    using line = connect(server.url, {
      transport: "sse",
      fetch: (url, init) => {
        strange += 1;
        if (strange > 4) return fetch(url, init);
        return Promise.resolve(new Response("<h1>Not found</h1>", { status: 404 }));
      },
    });
    line.on("state", ({ name }) => {
      if (name === "waiting") setTimeout(() => line.retry(), 1);
    });
    const room = line.join("general");
    expect(await codeOf(room.publish("kept"))).toBe("none");
    expect(room.isJoined).toBe(true);
  });
});

describe("what is published", () => {
  for (const transport of transports) {
    test(`by ${transport} from a Buffer that is used again is what it held, and may be empty`, async () => {
      await using server = await TestServer.start();
      using line = connect(server.url, { transport });
      const room = line.join("general", { since: "start" });
      const heard: unknown[] = [];
      room.on("message", ({ bytes }) => heard.push(bytes));
      const buffer = Buffer.from([1, 2, 3]);
      const stored = room.publish(buffer);
      buffer.fill(9);
      await stored;
      await room.publish(new Uint8Array());
      await eventually("both messages", () => heard.length === 2);
      expect(heard).toEqual([Uint8Array.of(1, 2, 3), new Uint8Array()]);
    });
  }

  test("is not given up for a signal that is too large, nor is the line", async () => {
    await using server = await TestServer.start({ frameBytesMax: 4_096 });
    using line = connect(server.url);
    const room = line.join("general");
    const errors: unknown[] = [];
    room.on("error", ({ code }) => errors.push(code));
    await eventually("the room", () => room.isJoined);
    const states: unknown[] = [];
    line.on("state", (state) => states.push(state));
    const published = room.publish("innocent");
    room.signal("é".repeat(3_000));
    expect(await codeOf(published)).toBe("none");
    await eventually("the refusal", () => errors.length > 0);
    expect({ errors, states }).toEqual({ errors: ["too_large"], states: [] });
  });

  test("goes by POST where something on the way closes WebSocket for its size", async () => {
    await using server = await TestServer.start();
    class Narrow extends WebSocket {
      override send(data: string): void {
        if (data.length < 1_000) super.send(data);
        else this.onclose?.(new CloseEvent("close", { code: 1_009 }));
      }
    }
    using line = connect(server.url, { WebSocket: Narrow });
    const room = line.join("general");
    await eventually("the room", () => room.isJoined);
    const published = [room.publish("x".repeat(2_000)), room.publish("innocent")];
    expect(await Promise.all(published.map(codeOf))).toEqual(["none", "none"]);
    expect(line.state).toEqual({ name: "open", transport: "sse" });
  });

  test("goes on behind a crowd of messages that are too large", async () => {
    await using server = await TestServer.start({ frameBytesMax: 2_048 });
    using line = connect(server.url);
    const room = line.join("general");
    const large = Array.from({ length: 300 }, () => codeOf(room.publish("x".repeat(4_000))));
    const small = room.publish("small");
    expect(new Set(await Promise.all(large))).toEqual(new Set(["too_large"]));
    expect(await codeOf(small)).toBe("none");
  });

  test("goes out again at once where only its own call was cut", async () => {
    await using server = await TestServer.start();
    let cuts = 0;
    using line = connect(server.url, {
      transport: "sse",
      fetch: (url, init) => {
        if (init.method !== "POST" || cuts === 2) return fetch(url, init);
        cuts += 1;
        return Promise.reject(new Error("It was cut."));
      },
    });
    const room = line.join("general");
    await eventually("the room", () => room.isJoined);
    const publishedMs = await undisturbed(300, async () => {
      cuts = 0;
      const before = performance.now();
      await room.publish("one");
      expect(cuts).toBe(2);
      return performance.now() - before;
    });
    expect(publishedMs).toBeLessThan(1_500);
  });

  test("and refused is no unhandled rejection where nobody waits for it", async () => {
    const unhandled: unknown[] = [];
    const hear = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", hear);
    const line = connect("http://127.0.0.1:1");
    line.join("general").publish("floating");
    line.close();
    await Bun.sleep(1); // a turn of the loop, after which it would be told
    process.off("unhandledRejection", hear);
    expect(unhandled).toEqual([]);
  });
});

describe("a line", () => {
  test("that is closed by whoever hears that it connects does not connect", async () => {
    await using server = await TestServer.start();
    using proxy = new FaultProxy(server.port, { isRefusing: true });
    const line = connect(proxy.url);
    await eventually("a wait", () => line.state.name === "waiting");
    line.on("state", ({ name }) => {
      if (name === "connecting") line.close();
    });
    proxy.heal();
    const before = proxy.arrivals.length;
    line.retry();
    await Bun.sleep(50); // long enough to connect
    expect(line.state.name).toBe("closed");
    expect(proxy.arrivals.length).toBe(before);
  });

  test("takes no address that leads nowhere", () => {
    for (const url of ["localhost:8080", "file:///tmp/x", undefined]) {
      expect(() => connect(url)).toThrow(TypeError);
    }
  });
});
