import { afterAll, beforeAll, expect, test } from "bun:test";
import { TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

test("a server that runs is alive and ready, and no cache may say so for it", async () => {
  for (const path of ["/livez", "/readyz"]) {
    const response = await server.fetch(path);
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
    expect(response.headers.get("cache-control")).toBe("no-store");
  }
});

test("the meters count connections, rooms and messages", async () => {
  const read = async (name: string) => {
    const text = await (await server.fetch("/metrics")).text();
    return Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${name} `))
        ?.split(" ")[1],
    );
  };
  const client = await server.connect();
  await client.join("metered");
  const before = await read("partyline_messages_total");
  await server.publish("metered", 1);
  expect(await read("partyline_messages_total")).toBeGreaterThan(before);
  expect(await read('partyline_connections{transport="websocket"}')).toBe(1);
  expect(await read('partyline_connections{transport="sse"}')).toBe(0);
  expect(await read("partyline_rooms")).toBeGreaterThanOrEqual(1);
  expect(await read('partyline_deliveries_total{transport="websocket"}')).toBeGreaterThanOrEqual(1);
  const response = await server.fetch("/metrics");
  expect(response.headers.get("content-type")).toStartWith("text/plain");
});
