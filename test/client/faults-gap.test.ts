import { describe, expect, test } from "bun:test";
import { connect, type Gap } from "../../src/client/index.ts";
import { Chance } from "../support/chance.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";

const rounds = 40;
/** More than the answer to a return takes, up to and with its first messages. */
const truncateBytesMax = 2_400;
const seed = 20_260_101;

describe("a line that is cut anywhere in its return", () => {
  for (const transport of ["websocket", "sse"] as const) {
    test(`by ${transport} is told of each gap once, and of all that follows`, async () => {
      const retention = { messagesMax: 5, ageMsMax: 0, bytesMax: 0 };
      await using server = await TestServer.start({ retention });
      using proxy = new FaultProxy(server.port);
      using line = connect(proxy.url, { transport });
      const room = line.join("general", { since: "start" });
      const told: (Gap | { readonly content: number; readonly position: string })[] = [];
      room.on("gap", (gap) => told.push(gap));
      room.on("message", ({ content, position }) => {
        told.push({ content: Number(content), position });
      });
      const chance = new Chance(seed);
      let count = 0;
      const publish = async (messages: number) => {
        for (let left = messages; left > 0; left -= 1) {
          count += 1;
          await server.publish("general", count);
        }
      };
      const isThere = () => {
        const last = told.at(-1);
        return last !== undefined && "content" in last && last.content === count;
      };
      await publish(1);
      await eventually("the first message", isThere);
      line.on("state", ({ name }) => {
        if (name === "waiting") setTimeout(() => line.retry(), 1);
      });
      for (let round = 0; round < rounds; round += 1) {
        proxy.faults.isRefusing = true;
        proxy.cut();
        await publish(12);
        proxy.faults.truncateAfterBytes = 1 + chance.below(truncateBytesMax);
        const before = proxy.arrivals.length;
        proxy.faults.isRefusing = false;
        await eventually("a return, whole or cut", () => {
          return isThere() || proxy.arrivals.length > before + 1;
        });
        proxy.heal();
        await eventually(`message ${count} in round ${round}`, isThere);
      }
      expect(toHoles(told)).toEqual([]);
    }, 30_000);
  }
});

describe("a line to a server that lost its log", () => {
  for (const transport of ["websocket", "sse"] as const) {
    test(`by ${transport} is told that the numbering began anew, and goes on`, async () => {
      await using server = await TestServer.start({ durability: "memory" });
      using proxy = new FaultProxy(server.port);
      using line = connect(proxy.url, { transport });
      line.on("state", ({ name }) => {
        if (name === "waiting") setTimeout(() => line.retry(), 1);
      });
      const room = line.join("general", { since: "start" });
      const heard: string[] = [];
      room.on("gap", ({ reason }) => heard.push(reason));
      room.on("message", ({ content }) => heard.push(String(content)));
      const iterated: string[] = [];
      const reading = (async () => {
        for await (const { content, gap } of room) {
          if (gap !== undefined) iterated.push(gap.reason);
          iterated.push(String(content));
        }
      })();
      const expected: string[] = [];
      for (let life = 1; life <= 3; life += 1) {
        const contents = [1, 2, 3].map((number) => `life ${life}, ${number}`);
        const positions = await Promise.all(contents.map((content) => room.publish(content)));
        expect(positions.map((position) => position.split(":")[1])).toEqual(["1", "2", "3"]);
        expected.push(...(life === 1 ? [] : ["reset"]), ...contents);
        await eventually("all of them", () => {
          return heard.length === expected.length && iterated.length === expected.length;
        });
        await server.stop();
        await server.start();
      }
      expect({ heard, iterated }).toEqual({ heard: expected, iterated: expected });
      line.close();
      await reading;
    }, 20_000);
  }
});

/** Where the numbers have a hole, or go back, that no gap just before them tells of. */
function toHoles(told: readonly (Gap | { content: number; position: string })[]): string[] {
  const holes: string[] = [];
  let previous = 0;
  let stand: string | null = null;
  for (const each of told) {
    if ("content" in each) {
      const [, offset] = each.position.split(":");
      if (Number(offset) !== previous + 1) holes.push(`${stand} → ${each.position}`);
      previous = Number(offset);
      stand = each.position;
    } else {
      if (each.from !== stand) holes.push(`at ${stand} a gap from ${each.from}`);
      previous = Number(each.to.split(":")[1]);
      stand = each.to;
    }
  }
  return holes;
}
