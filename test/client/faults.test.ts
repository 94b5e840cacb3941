import { expect, test } from "bun:test";
import fc from "fast-check";
import { FaultProxy } from "../support/fault-proxy.ts";
import { FaultProxyClient } from "../support/fault-proxy-client.ts";
import type { Faults } from "../support/fault-proxy-faults.ts";
import { type FaultStep, runSchedule } from "../support/fault-proxy-schedule.ts";
import { judge } from "../support/fault-proxy-verdict.ts";
import { TestServer } from "../support/server.ts";

const cut = fc.constantFrom("fin" as const, "rst" as const);
const faults: fc.Arbitrary<Partial<Faults>> = fc.oneof(
  fc.record({ latencyMs: fc.nat(40), jitterMs: fc.nat(40) }),
  fc.record({ pieceBytesMax: fc.integer({ min: 1, max: 200 }) }),
  fc.record({ truncateAfterBytes: fc.integer({ min: 1, max: 6_000 }) }),
  fc.constantFrom({ isRefusing: true }, { isDark: true }, { idleMs: 60 }),
  fc.record({
    upgrades: fc.constantFrom(...(["swallow", "strip"] as const), ...([403, 426, 502] as const)),
  }),
  fc.record({
    bufferBytes: fc.constantFrom(700, 20_000, Number.POSITIVE_INFINITY),
    buffersHead: fc.boolean(),
  }),
);
const pause = { forMs: fc.integer({ min: 0, max: 250 }), restMs: fc.nat(150) };
const step: fc.Arbitrary<FaultStep> = fc.oneof(
  fc.record({ act: fc.constant("cut" as const), how: cut, ...pause }),
  fc.record({ act: fc.constant("cut one" as const), how: cut, index: fc.nat(9), ...pause }),
  fc.record({ act: fc.constantFrom("kill" as const, "hold" as const), ...pause }),
  fc.record({ act: fc.constant("restart" as const), ...pause }),
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant("set" as const),
      faults,
      cuts: fc.boolean(),
      ...pause,
    }),
  },
);
const transports = ["auto", "websocket", "sse"] as const;

test("whatever a proxy does, every room is whole at every client, and every publish is stored once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 4, maxLength: 8 }),
      fc.integer(),
      async (steps, seed) => {
        await using server = await TestServer.start({ durability: "process" });
        using proxy = new FaultProxy(server.port, {}, seed);
        using clients = new DisposableStack();
        const crowd = transports.map((transport) => {
          const rooms = ["one", "two"];
          const options = { url: proxy.url, name: transport, rooms, transport, hurryMs: 15 };
          return clients.use(new FaultProxyClient(options));
        });
        for (const client of crowd) client.write(10);
        await runSchedule(steps.slice(0, 2), proxy, server);
        for (const client of crowd) client.join("three");
        await runSchedule(steps.slice(2), proxy, server);
        for (const client of crowd) client.rest();
        const { faults: found, published } = await judge(server.url, crowd);
        expect(found).toEqual([]);
        expect(published).toBeGreaterThan(0);
      },
    ),
    { numRuns: 8, endOnFailure: true },
  );
}, 240_000);
