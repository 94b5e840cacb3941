import { expect, test } from "bun:test";
import { EventSource } from "eventsource";
import { WebSocket as ForeignSocket } from "ws";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

test("the npm client ws joins, publishes and reads", async () => {
  await using server = await TestServer.start();
  for (const protocols of [[], ["partyline.v1"]]) {
    const socket = new ForeignSocket(server.socketUrl, protocols);
    const frames: { type: string; content?: unknown }[] = [];
    socket.on("message", (data) => frames.push(JSON.parse(String(data))));
    await eventually("the welcome", () => frames[0]?.type === "welcome");
    socket.send(JSON.stringify({ type: "join", room: "foreign" }));
    socket.send(JSON.stringify({ type: "message", room: "foreign", content: "hi" }));
    await eventually("its own message", () => frames.some(({ content }) => content === "hi"));
    expect(socket.protocol).toBe(protocols[0] ?? "");
    socket.close(1000);
    await eventually("the close", () => socket.readyState === ForeignSocket.CLOSED);
  }
});

test("the npm client eventsource loses nothing over a restart of the server", async () => {
  await using server = await TestServer.start({ durability: "process" });
  await server.publish("restart", 0);
  const source = new EventSource(`${server.url}/rooms/restart/events`);
  const received: number[] = [];
  let opens = 0;
  source.onopen = () => (opens += 1);
  source.onmessage = ({ data }) => received.push(JSON.parse(data).content);
  await eventually("the stream", () => opens === 1);
  await eventually("an observer", async () => {
    return (await server.json("/rooms/restart/members")).observers === 1;
  });
  // The stream ends before any message: only the id without an event says where it stood.
  await server.stop();
  await server.start();
  for (let content = 1; content <= 3; content += 1) await server.publish("restart", content);
  await eventually("what was missed", () => received.length === 3);
  await server.stop();
  await server.start();
  for (let content = 4; content <= 6; content += 1) await server.publish("restart", content);
  await eventually("what was missed again", () => received.length === 6);
  expect(received).toEqual([1, 2, 3, 4, 5, 6]);
  source.close();
}, 30_000);
