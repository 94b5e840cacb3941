/** Rooms of a shared Redis that is away, or was emptied under clients that read them live. */

import { describe, expect, test } from "bun:test";
import { connect } from "../../src/client/index.ts";
import { eventually } from "../support/poll.ts";
import { RedisServer } from "../support/redis-server.ts";
import { TestServer } from "../support/server.ts";
import { findSystemProgram } from "../support/system-program.ts";

const isPossible = findSystemProgram("redis") !== null;

describe.if(isPossible)("a room that cannot be entered for now", () => {
  test("is entered once it can be, and the line says what it waits for", async () => {
    await using redis = await RedisServer.start();
    await using server = await TestServer.start({ redis: redis.url });
    await using line = connect(server.url);
    await eventually("a line", () => line.state.name === "open");
    await redis.kill();
    await eventually("it is down", async () => (await server.fetch("/readyz")).status === 503);
    const codes: string[] = [];
    line.on("error", ({ code }) => codes.push(code));
    const room = line.join("hall");
    await eventually("the reason", () => codes.length > 0);
    await redis.restart();
    await eventually("the room", () => room.isJoined);
    expect(new Set(codes)).toEqual(new Set(["unavailable"]));
    expect(line.state.name).toBe("open");
  });
});

describe.if(isPossible)("a room that begins anew", () => {
  for (const transport of ["websocket", "sse"] as const) {
    test(`tells the client of the gap, which goes on reading and publishing (${transport})`, async () => {
      await using redis = await RedisServer.start();
      await using server = await TestServer.start({ redis: redis.url });
      await using line = connect(server.url, { transport });
      const room = line.join<string>("hall", { since: "start" });
      const heard: string[] = [];
      const read: string[] = [];
      room.on("message", ({ content }) => heard.push(content));
      room.on("gap", ({ reason }) => heard.push(reason));
      const reading = (async () => {
        for await (const { content, gap } of room) {
          read.push(...(gap === undefined ? [] : [gap.reason]), content);
          if (content === "after") return;
        }
      })();
      const first = await room.publish("before");
      await eventually("the first message", () => heard.length === 1);
      await redis.flush();
      await eventually("the gap", () => heard.length === 2);
      const second = await room.publish("after");
      await reading;
      expect(heard).toEqual(["before", "reset", "after"]);
      expect(read).toEqual(heard);
      expect(second).not.toBe(first);
      expect(second).toEndWith(":1");
      expect(room.position).toBe(second);
      expect(line.state.name).toBe("open");
    });
  }
});
