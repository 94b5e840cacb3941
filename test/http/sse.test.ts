import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { Roll } from "../../src/http/roll.ts";
import { Streams } from "../../src/http/sse.ts";
import { Hub } from "../../src/hub/hub.ts";
import { limits } from "../../src/protocol/limits.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { Measures } from "../../src/telemetry/measures.ts";
import { testTransport } from "../contract/transport.ts";
import { createAdmission } from "../support/admission.ts";
import { EventReader } from "../support/event-reader.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createNotingBroker } from "../support/noting-broker.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { Tcp } from "../support/tcp.ts";
import { createGuard } from "../support/tokens.ts";
import { overEventStream } from "../support/transports.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const follow = (path: string, lastEventId?: string) =>
  new EventReader(`${server.url}${path}`, lastEventId);

async function publishMany(room: string, count: number, content: unknown = "x"): Promise<string[]> {
  const positions: string[] = [];
  for (let index = 0; index < count; index += 1) {
    positions.push((await server.publish(room, content)).position);
  }
  return positions;
}

async function observersOf(room: string): Promise<number> {
  return (await server.json(`/rooms/${room}/members`)).observers;
}

describe("a stream", () => {
  test("has its headers and first bytes at once, before any message", async () => {
    using reader = follow("/rooms/quiet/events");
    const { status, headers } = await reader.open();
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-accel-buffering")).toBe("no");
    await reader.stand();
    expect(reader.text).toMatch(/^: partyline\nretry: 1000\n\nid: [0-9a-z]+:0\n\n$/);
    expect(reader.events).toEqual([]);
  });

  test("has each message as an event without a name, with its position as the id", async () => {
    using reader = follow("/rooms/news/events");
    await reader.stand();
    const positions = await publishMany("news", 2, "line\nline\r\n\u2028id: x");
    await reader.count(2);
    expect(reader.events.map(({ id, event }) => [id, event])).toEqual(
      positions.map((position) => [position, undefined]),
    );
    expect(reader.messages[0]).toMatchObject({
      type: "message",
      room: "news",
      position: positions[0],
      content: "line\nline\r\n\u2028id: x",
    });
  });

  test("has signals and presence as named events", async () => {
    using reader = follow("/rooms/named/events");
    await reader.stand();
    const client = await server.connect();
    await client.join("named", { username: "Ada" });
    client.send({ type: "signal", room: "named", content: 7 });
    await eventually("both", () => reader.named("signal")[0] && reader.named("presence")[0]);
    expect(reader.named("signal")).toMatchObject([{ room: "named", content: 7 }]);
    expect(reader.named("presence")).toMatchObject([{ joined: [{ name: "Ada" }], members: 1 }]);
    expect(reader.events.every(({ id }) => id === undefined)).toBe(true);
  });

  test("resumes by the header, which wins over the address, and by the address", async () => {
    const positions = await publishMany("resumed", 5);
    const [, second, third] = positions;
    using byHeader = follow(`/rooms/resumed/events?since=${second}`, third);
    await byHeader.count(2);
    expect(byHeader.messages.map(({ position }) => position)).toEqual(positions.slice(3));
    using byAddress = follow(`/rooms/resumed/events?since=${second}`);
    await byAddress.count(3);
    expect(byAddress.messages.map(({ position }) => position)).toEqual(positions.slice(2));
    using whole = follow("/rooms/resumed/events?since=start");
    await whole.count(5);
    using live = follow("/rooms/resumed/events");
    await live.stand();
    expect(live.lastEventId).toBe(positions[4] ?? "");
  });

  test("says a gap first, with the id of where it stands", async () => {
    const [position] = await publishMany("gap", 1);
    using reader = follow("/rooms/gap/events", "zzz:9");
    await reader.count(1);
    expect(reader.events[0]).toMatchObject({ event: "gap", id: position?.replace(/1$/, "0") });
    expect(reader.named("gap")).toMatchObject([{ reason: "reset", from: "zzz:9" }]);
  });

  test("is refused for a bad room or position with a problem", async () => {
    for (const [path, code] of [
      ["/rooms/no%20room/events", "invalid_room"],
      ["/rooms/a/events?since=now", "bad_frame"],
      ["/events", "bad_frame"],
      [`/events?${"room=a&".repeat(51)}`, "bad_frame"],
      ["/events?room=a&room=b%20", "invalid_room"],
      ["/events?room=a&since=x:1", "bad_frame"],
    ]) {
      const response = await server.fetch(path ?? "");
      expect([path, response.status]).toEqual([path, 400]);
      expect(await response.json()).toMatchObject({ code });
    }
    const bad = await server.fetch("/rooms/a/events", { headers: { "last-event-id": "\u00e9" } });
    expect(bad.status).toBe(400);
  });
});

describe("a stream of several rooms", () => {
  test("names its place in each room in every id, and resumes all of them", async () => {
    using reader = follow("/events?room=left&room=right");
    await eventually("both rooms", () => reader.lastEventId.split(",").length === 2);
    const [left] = await publishMany("left", 1);
    const [right] = await publishMany("right", 1);
    await reader.count(2);
    expect(reader.lastEventId.split(",").sort()).toEqual([`left@${left}`, `right@${right}`]);
    reader[Symbol.dispose]();
    await publishMany("left", 3);
    await publishMany("right", 2);
    using resumed = follow("/events?room=left&room=right", reader.lastEventId);
    await resumed.count(5);
    expect(
      resumed.messages
        .map(({ room }) => room)
        .sort()
        .join(),
    ).toBe("left,left,left,right,right");
    expect(resumed.named("gap")).toEqual([]);
  });

  test("forgets no room that it has not come to yet when it is cut", async () => {
    const [first] = await publishMany("near", 1);
    const [start] = await publishMany("far", 3);
    // The id of a stream that was cut after its first block names all that its reader brought.
    using cut = follow("/events?room=near&room=far", `near@${first},far@${start}`);
    await cut.stand();
    const [firstId] = cut.text.match(/^id: .*$/m) ?? [];
    expect(firstId).toContain(`far@${start}`);
    // And a room that no id has named yet starts where the address says.
    using resumed = follow("/events?room=near&room=far&since=start", `near@${first}`);
    await resumed.count(3);
    expect(resumed.messages.map(({ room }) => room)).toEqual(["far", "far", "far"]);
  });

  test("is not cut by a backlog of many rooms that is longer than its queue", async () => {
    const rooms = Array.from({ length: 40 }, (_, index) => `backlog-${index}`);
    for (const room of rooms) await publishMany(room, 5, "y".repeat(100_000));
    const query = rooms.map((room) => `room=${room}`).join("&");
    using reader = follow(`/events?${query}&since=start`);
    await eventually(
      "the whole backlog",
      () => reader.isEnded || reader.events.length === 5 * rooms.length,
    );
    expect([reader.isEnded, reader.events.length]).toEqual([false, 5 * rooms.length]);
  });
});

describe("an observer is counted until it is gone", () => {
  test("when its client aborts, is killed, or closes its half of the line", async () => {
    using aborted = follow("/rooms/watched/events");
    const killed = Bun.spawn(["curl", "-sN", `${server.url}/rooms/watched/events`], {
      stdout: "ignore",
    });
    using half = new Tcp(server.port);
    half.request("GET /rooms/watched/events HTTP/1.1");
    await eventually("three observers", async () => (await observersOf("watched")) === 3);
    aborted[Symbol.dispose]();
    await eventually("two observers", async () => (await observersOf("watched")) === 2);
    killed.kill("SIGKILL");
    await eventually("one observer", async () => (await observersOf("watched")) === 1);
    half.socket.end();
    await eventually("no observer", async () => (await observersOf("watched")) === 0);
  });

  test("when it was gone before it began", async () => {
    for (let turn = 0; turn < 50; turn += 1) {
      using tcp = new Tcp(server.port);
      tcp.request("GET /rooms/brief/events?since=start HTTP/1.1");
      await eventually("the connection", () => tcp.socket.readyState === "open");
    }
    await eventually("no observer", async () => (await observersOf("brief")) === 0);
  });

  test("and not at all by HEAD", async () => {
    using tcp = new Tcp(server.port);
    tcp.request("HEAD /rooms/headed/events HTTP/1.1");
    await tcp.match(/^HTTP\/1.1 \d+ [\s\S]*?\r\n\r\n/);
    await eventually("no observer", async () => (await observersOf("headed")) === 0);
    await eventually("no stream", async () => {
      const metrics = await (await server.fetch("/metrics")).text();
      return metrics.includes('partyline_connections{transport="sse"} 0');
    });
  });
});

test("a quiet stream gets a comment now and then, and one that is not read gets none", async () => {
  const intervals = spyOn(globalThis, "setInterval");
  const clock = new ManualClock();
  const options = { broker: createNotingBroker().broker, fanout: { publish() {} }, clock };
  const hub = new Hub({ ...options, systemBroker: options.broker });
  const log = createLog("silent", "json");
  const { guard, sessions } = createGuard(clock, { issuers: [] });
  const admission = createAdmission();
  const measures = new Measures();
  const streams = new Streams({
    ...{ hub, log, admission, sessions, measures, roll: new Roll(log, measures) },
    queueBytesMax: 10_000,
  });
  const [beat, everyMs] = intervals.mock.calls.at(-1) ?? [];
  intervals.mockRestore();
  expect(everyMs).toBe(limits.heartbeatMs);
  const request = new Request("http://localhost/rooms/hall/events");
  const identity = await guard.identify(request);
  const response = await streams.respond(
    request,
    null,
    identity,
    new Map([["hall", "end"]]),
    false,
  );
  const chunks = (response.body as unknown as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const text = async () => new TextDecoder().decode((await chunks.next()).value);
  const tick = () => (beat as () => void)();
  for (let turn = 0; turn < 5; turn += 1) tick(); // what is queued was not read: no comment
  let read = await text();
  while (!read.includes("id: e:0")) read += await text();
  expect(read).toBe(": partyline\nretry: 1000\n\nid: e:0\n\n");
  const next = text();
  await Bun.sleep(0);
  tick();
  expect(await next).toBe(": \n\n");
  streams.leaveForDrain(() => 1_500);
  expect((await text()) + (await text())).toBe(
    ': partyline\nretry: 1500\n\nevent: draining\ndata: {"type":"draining","reconnectAfterMs":1500}\n\n',
  );
  expect([(await chunks.next()).done, streams.count]).toEqual([true, 0]);
});

testTransport(overEventStream);
