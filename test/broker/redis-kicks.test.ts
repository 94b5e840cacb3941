import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RedisControl } from "../../src/broker/redis-control.ts";
import { RedisKicks } from "../../src/broker/redis-kicks.ts";
import { RedisQuestions } from "../../src/broker/redis-questions.ts";
import { eventually } from "../support/poll.ts";
import { type RedisWay, RedisWays } from "../support/redis-ways.ts";
import { findSystemProgram } from "../support/system-program.ts";

const isHere = findSystemProgram("redis") !== null;
let ways: RedisWays;
beforeAll(async () => {
  if (isHere) ways = await RedisWays.start();
});
afterAll(() => ways?.[Symbol.asyncDispose]());

/** A node that has the connections of `own`, and notes what it is asked to end. */
class KickNode implements AsyncDisposable {
  readonly way: RedisWay;
  readonly kicks: RedisKicks;
  readonly ended: string[] = [];

  constructor(prefix: string, own: readonly string[] = []) {
    this.way = ways.open(prefix);
    const { link } = this.way;
    const control = new RedisControl(link);
    this.kicks = new RedisKicks(link, control, new RedisQuestions(link, control));
    this.kicks.start((kick) => {
      const id = "user" in kick ? kick.user : kick.connection;
      this.ended.push(id);
      return own.includes(id);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.way[Symbol.asyncDispose]();
  }
}

async function open(prefix: string, own?: readonly string[]): Promise<KickNode> {
  const node = new KickNode(prefix, own);
  await node.way.start();
  return node;
}

describe.skipIf(!isHere)("a kick", () => {
  test("of a connection is answered by whether another node had it", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, ["mine"]);
    await using two = await open(prefix, []);
    await using three = await open(prefix, ["c3"]);
    expect(await one.kicks.kick({ connection: "c3" })).toBe(true);
    expect(await one.kicks.kick({ connection: "c4" })).toBe(false);
    expect(await two.kicks.kick({ connection: "c3" })).toBe(true);
    // Whoever asks has looked at its own connections before.
    expect(one.ended).toEqual(["c3"]);
    expect(three.ended).toEqual(["c3", "c4", "c3"]);
  });

  test("of a node that is alone is answered at once", async () => {
    await using one = await open(ways.createPrefix());
    expect(await one.kicks.kick({ connection: "c1" })).toBe(false);
    expect(await one.kicks.kick({ user: "alice" })).toBe(true);
    expect(one.ended).toEqual([]);
  });

  test("reaches a node that was cut off as soon as it is back, and once", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix);
    await using two = await open(prefix);
    await one.kicks.kick({ user: "before" });
    await eventually("the kick", () => two.ended.length === 1);
    await two.way.part();
    await one.kicks.kick({ user: "alice" });
    expect(await one.kicks.kick({ connection: "c1" })).toBe(false);
    await expect(two.kicks.kick({ user: "bob" })).rejects.toMatchObject({ code: "unavailable" });
    await two.way.join();
    expect(two.ended).toEqual(["before", "alice", "c1"]);
    await two.way.part();
    await two.way.join();
    await using late = await open(prefix);
    expect([two.ended.length, late.ended, one.ended]).toEqual([3, [], []]);
  });

  test("that is heard while a node catches up comes once, also after the next cut", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix);
    await using two = await open(prefix);
    await two.way.part();
    await one.kicks.kick({ user: "alice" });
    const { link } = two.way;
    const send = link.send.bind(link);
    link.send = async (command, args) => {
      const answer = await send(command, args);
      if (command === "XRANGE") {
        link.send = send;
        await one.kicks.kick({ user: "bob" });
        await eventually("the kick", () => two.ended.includes("bob"));
      }
      return answer;
    };
    await two.way.join();
    await two.way.part();
    await two.way.join();
    expect(two.ended).toEqual(["bob", "alice"]);
  });

  test("of a connection is refused where a node that heard it says nothing", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix, []);
    await using two = await open(prefix, ["c2"]);
    await using deaf = await open(prefix, []);
    deaf.way.hold();
    expect(await one.kicks.kick({ connection: "c2" })).toBe(true);
    const unsure = one.kicks.kick({ connection: "c3" });
    await expect(unsure).rejects.toMatchObject({ code: "unavailable" });
    await expect(unsure).rejects.toThrow("1 of 3 nodes did not answer");
    expect(two.ended).toEqual(["c2", "c3"]);
  });

  test("is heard between texts that nobody of ours wrote", async () => {
    const prefix = ways.createPrefix();
    await using one = await open(prefix);
    await using two = await open(prefix);
    for (const text of [
      ...["", " ", "kick", "kick ", "kick {", "kick null", "kick 5", "kick []", "kick [1,2]"],
      ...['kick ["x",null]', 'kick ["1-1",{"user":5}]', 'kick ["1-1",{"user":""}]'],
      ...[`kick ["1-1",{"user":"${"x".repeat(200)}"}]`, 'kick ["9-9",{"node":{},"question":[]}]'],
      ...["answer", "answer null", 'answer {"node":1}', `answer {"node":"${one.way.link.node}"}`],
      ...["renew", "renew null", 'renew {"connection":5}', 'renew {"connection":"x","token":[]}'],
      ...["users", "users 5", 'users [["a"]]', "revoked {}", "__proto__ 1", "constructor {}"],
    ]) {
      await ways.server.send("PUBLISH", `${prefix}:c`, text);
    }
    expect(await one.kicks.kick({ connection: "c1" })).toBe(false);
    expect(two.ended).toEqual(["c1"]);
  });
});
