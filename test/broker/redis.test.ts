/** The log in Redis keeps the contract of every log, and of those that nodes share. */

import { afterAll, beforeAll, describe } from "bun:test";
import { describeBroker } from "../contract/broker.ts";
import { describeSharing } from "../contract/broker-sharing.ts";
import { RedisNodes } from "../support/redis-nodes.ts";
import { findSystemProgram } from "../support/system-program.ts";

describe.skipIf(findSystemProgram("redis") === null)("with a Redis", () => {
  let redis: RedisNodes;
  beforeAll(async () => {
    redis = await RedisNodes.start();
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  describeBroker("the log in Redis", (options) => redis.openAlone(options), { gathers: true });
  describeSharing("the log in Redis on two nodes", (retention) => redis.openPair({ retention }));
});
