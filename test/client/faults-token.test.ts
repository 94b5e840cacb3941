import { describe, expect, test } from "bun:test";
import { connect } from "../../src/client/index.ts";
import { Chance } from "../support/chance.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { createToken, inSeconds, withTokens } from "../support/tokens.ts";

const seed = 11;
const rounds = 20;
const rooms = { "*": ["read", "write"] };

describe("a line whose tokens run out, are refused, or cannot be had", () => {
  for (const transport of ["websocket", "sse"] as const) {
    test(`by ${transport} loses nothing over cuts`, async () => {
      await using server = await TestServer.start({ ...withTokens, tokenLeewayMs: 0 });
      using proxy = new FaultProxy(server.port);
      const chance = new Chance(seed);
      const given = { good: 0, expired: 0, none: 0 };
      const token = () => {
        const number = given.good + given.expired + given.none;
        const kind = chance.below(3);
        if (kind === 0) {
          given.none += 1;
          throw new Error("There is no token right now.");
        }
        given[kind === 1 ? "expired" : "good"] += 1;
        const exp = inSeconds(kind === 1 ? -10 : 3_600);
        return createToken({ sub: "alice", rooms, exp, jti: `${number}` });
      };
      using line = connect(proxy.url, { transport, token });
      line.on("state", ({ name }) => {
        if (name === "waiting") setTimeout(() => line.retry(), 1);
      });
      const room = line.join("general", { since: "start" });
      const heard: unknown[] = [];
      room.on("message", ({ content }) => heard.push(content));
      const published: Promise<string>[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        published.push(room.publish(round));
        if (chance.isLucky(0.5)) line.renew();
        if (chance.isLucky(0.7)) proxy.cut();
        await eventually(`message ${round}`, () => heard.length === round);
      }
      const positions = await Promise.all(published);
      expect(positions.map((position) => Number(position.split(":")[1]))).toEqual(
        heard as number[],
      );
      expect(heard).toEqual(Array.from({ length: rounds }, (_, index) => index + 1));
      expect(Math.min(given.good, given.expired, given.none)).toBeGreaterThan(0);
    }, 20_000);
  }

  test("is closed, with the reason, when the only token is refused, and opens again by renew", async () => {
    await using server = await TestServer.start(withTokens);
    let token = await createToken({ sub: "alice", rooms, exp: inSeconds(-3_600) });
    using line = connect(server.url, { token: () => token });
    const kept = line.join("kept");
    const left = line.join("left");
    await eventually("the end", () => line.state.name === "closed");
    left.leave();
    expect(line.state).toMatchObject({ name: "closed", code: "unauthenticated" });
    token = await createToken({ sub: "alice", rooms });
    line.renew();
    await eventually("an open line", () => line.state.name === "open");
    expect(line.user?.id).toBe("alice");
    await eventually("the room that was not left", () => kept.isJoined);
    expect([...line.rooms.keys()]).toEqual(["kept"]);
  });
});
