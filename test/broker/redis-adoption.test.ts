import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import adoptLua from "../../src/broker/lua/adopt.lua" with { type: "text" };
import { RedisServer } from "../support/redis-server.ts";
import { findSystemProgram } from "../support/system-program.ts";

/** What a node knows, and what it is told. */
interface Trail {
  readonly epoch: string;
  readonly fence: string;
  readonly seq: number;
}

const nothing: Trail = { epoch: "", fence: "", seq: 0 };

describe.skipIf(findSystemProgram("redis") === null)("a Redis that is taken into use", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  beforeEach(() => redis.flush());
  afterAll(() => redis[Symbol.asyncDispose]());

  /** Adopts a Redis as if its run id was `run`. */
  async function adopt(run: string, candidate: string, known = nothing, over = ""): Promise<Trail> {
    const told = [known.epoch, known.fence, `${known.seq}`, over];
    const args = ["1", "heads", run, candidate, "channel", ...told];
    const answer = await redis.send("EVAL", adoptLua, ...args);
    const [epoch, fence, seq] = answer as [string, string, string];
    return { epoch, fence, seq: Number(seq) };
  }

  const store = (count: number) => redis.send("HINCRBY", "heads", " seq", `${count}`);
  const forgetSome = (count: number) => redis.send("HINCRBY", "heads", " seq", `-${count}`);

  test("gets an epoch and a fence when it is empty, and keeps both", async () => {
    const first = await adopt("run1", "aaaaaaaa");
    expect(first).toEqual({ epoch: "aaaaaaaa", fence: "1:run1:aaaaaaaa", seq: 0 });
    expect(await adopt("run1", "bbbbbbbb")).toEqual(first);
    expect(await adopt("run1", "cccccccc", first)).toEqual(first);
    await redis.flush();
    expect((await adopt("run1", "dddddddd", first)).fence).toBe("1:run1:dddddddd");
  });

  test("gets a fence with each run, and keeps its epoch when all that is known is there", async () => {
    const first = { ...(await adopt("run1", "aaaaaaaa")), seq: 5 };
    await store(5);
    const second = await adopt("run2", "bbbbbbbb", first);
    expect(second).toEqual({ epoch: "aaaaaaaa", fence: "2:run2:bbbbbbbb", seq: 5 });
    await store(4);
    // One that comes late from the first run, and knows no more than it left.
    expect(await adopt("run2", "cccccccc", first)).toEqual({ ...second, seq: 9 });
    expect((await adopt("run1", "dddddddd", second)).fence).toBe("3:run1:dddddddd");
  });

  test("gets a new epoch and a new fence when one knows more than it holds, and tells it", async () => {
    const first = await adopt("run1", "aaaaaaaa");
    await store(5);
    const second = await adopt("run2", "bbbbbbbb", { ...first, seq: 6 });
    expect(second).toEqual({ epoch: "bbbbbbbb", fence: "3:run2:bbbbbbbb", seq: 5 });
    // The others learn it, whatever they know of the old epoch.
    expect(await adopt("run2", "cccccccc", { ...first, seq: 7 })).toEqual(second);
  });

  test("gets a new epoch when a whole run that is known is gone from it", async () => {
    const first = await adopt("run1", "aaaaaaaa");
    const known = await adopt("run2", "bbbbbbbb", first);
    // As it was before the second run.
    await redis.send("HSET", "heads", " run", first.fence);
    await redis.send("HDEL", "heads", " left:1");
    const third = await adopt("run3", "cccccccc", known);
    expect(third.epoch).toBe("cccccccc");
    // Another life may have had as many runs.
    await redis.send("HSET", "heads", " left:2", `2:other:zzzzzzzz ${known.seq + 9}`);
    expect((await adopt("run3", "dddddddd", { ...known, epoch: "cccccccc" })).epoch).toBe(
      "dddddddd",
    );
  });

  test("notices what is gone within one run once it was left", async () => {
    const first = { ...(await adopt("run1", "aaaaaaaa")), seq: 5 };
    await store(5);
    await forgetSome(1);
    expect((await adopt("run2", "bbbbbbbb", first)).epoch).toBe("bbbbbbbb");
  });

  test("notices what is gone from a run that goes on, as when a master went and came back", async () => {
    const first = { ...(await adopt("run1", "aaaaaaaa")), seq: 5 };
    await store(5);
    expect(await adopt("run1", "bbbbbbbb", first)).toEqual(first);
    await forgetSome(1);
    const second = await adopt("run1", "cccccccc", first);
    expect(second).toEqual({ epoch: "cccccccc", fence: "2:run1:cccccccc", seq: 4 });
  });

  test("gets a new epoch when its own is known to be over, as after an old file was read twice", async () => {
    const first = await adopt("run1", "aaaaaaaa");
    const known = { epoch: "bbbbbbbb", fence: "3:run2:bbbbbbbb", seq: 9 };
    const third = await adopt("run3", "cccccccc", known, " zzzzzzzz aaaaaaaa");
    expect([third.epoch, third.fence]).toEqual(["cccccccc", "3:run3:cccccccc"]);
    expect(await adopt("run3", "dddddddd", { ...first, seq: 9 }, "zzzzzzzz")).toEqual(third);
  });

  test("remembers a bounded number of runs", async () => {
    for (let run = 1; run <= 150; run += 1) await adopt(`run${run}`, "aaaaaaaa");
    expect(await redis.send("HLEN", "heads")).toBeWithin(50, 110);
  });
});
