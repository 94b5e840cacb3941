import { afterAll, beforeAll, expect, test } from "bun:test";
import { EventReader } from "../support/event-reader.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ roomsPerHour: 1, frameBytesMax: 2_048, queueBytesMax: 1e6 });
});
afterAll(() => server[Symbol.asyncDispose]());

/** The lines of the meters whose name begins so. */
async function read(start: string): Promise<string[]> {
  const text = await (await server.fetch("/metrics")).text();
  return text.split("\n").filter((line) => line.startsWith(start));
}

async function hasLine(line: string): Promise<void> {
  await eventually(line, async () => (await read(line.split("{")[0] ?? "")).includes(line));
}

test("requests are counted by route and status, whatever their paths are", async () => {
  for (let index = 0; index < 50; index += 1) {
    await server.fetch(`/rooms/room-${index}`);
    await server.fetch(`/nothing/${index}`);
    await server.fetch(`/rooms/${index}%20`, { method: "DELETE" });
  }
  const route = (method: string, path: string, status: string, count: number) =>
    `partyline_http_requests_total{method="${method}",route="${path}",status="${status}"} ${count}`;
  await server.fetch("/openapi.json");
  await hasLine(route("GET", "/openapi.json", "2xx", 1));
  await hasLine(route("GET", "/rooms/:room", "2xx", 50));
  await hasLine(route("GET", "none", "4xx", 50));
  await hasLine(route("DELETE", "/rooms/:room", "4xx", 50));
  await hasLine('partyline_http_request_seconds_count{method="GET",route="/rooms/:room"} 50');
  await hasLine('partyline_errors_total{transport="http",code="not_found"} 50');
  const series = await read("partyline_http_requests_total");
  expect(series.length).toBeLessThan(7);
});

test("refusals are counted by the limit that was reached, on every transport", async () => {
  await server.publish("first", 1);
  expect((await server.publish("second", 1)) as unknown).toMatchObject({ code: "rate_limited" });
  await server.publish("first", "x".repeat(3_000));
  await hasLine('partyline_limits_hit_total{limit="rooms-per-hour"} 1');
  await hasLine('partyline_limits_hit_total{limit="frame-bytes-max"} 1');
  const client = await server.connect();
  const answer = await client.ask({ type: "join", room: "third" });
  expect(answer).toMatchObject({ type: "error", code: "rate_limited" });
  client.close();
  await server.fetch("/rooms/fourth/events");
  await hasLine('partyline_limits_hit_total{limit="rooms-per-hour"} 3');
  for (const transport of ["http", "websocket", "sse"]) {
    await hasLine(`partyline_errors_total{transport="${transport}",code="rate_limited"} 1`);
  }
});

test("so is a frame that is too large, for which Bun closes by itself", async () => {
  const client = await server.connect();
  client.send({ type: "echo", data: "x".repeat(3_000) });
  expect((await client.end()).code).toBe(1009);
  await hasLine('partyline_errors_total{transport="websocket",code="too_large"} 1');
  await hasLine('partyline_limits_hit_total{limit="frame-bytes-max"} 2');
});

test("gaps are counted by the transport of the reader that was told", async () => {
  const client = await server.connect();
  await client.join("first", { since: "nosuch:1" });
  using stream = new EventReader(`${server.url}/rooms/first/events?since=nosuch:1`);
  await eventually("a gap", () => stream.named("gap").length > 0);
  await hasLine('partyline_gaps_total{transport="websocket"} 1');
  await hasLine('partyline_gaps_total{transport="sse"} 1');
  client.close();
});

test("publishes are counted by transport, with their bytes and duplicates", async () => {
  const client = await server.connect();
  await client.join("first");
  const frame = { type: "message", room: "first", content: "ö", id: "twice", ref: 900 };
  await client.ask(frame);
  await server.publish("first", "ö", "twice");
  await hasLine('partyline_publishes_total{transport="websocket"} 1');
  await hasLine('partyline_duplicates_total{transport="http"} 1');
  await hasLine('partyline_duplicates_total{transport="websocket"} 0');
  await hasLine('partyline_publish_seconds_count{transport="websocket"} 1');
  client.close();
});
