import { expect, test } from "bun:test";
import { ServerWatch } from "../../src/http/server-watch.ts";
import { Measures } from "../../src/telemetry/measures.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createGuard } from "../support/tokens.ts";

const arrival = { address: "127.0.0.1", trace: undefined, since: 0, startedAt: 0 };

/** A watch of a server in which nothing happens, and how often it was looked at. */
async function create() {
  const clock = new ManualClock();
  const { guard, sessions } = createGuard(clock, { issuers: [] });
  let looks = 0;
  const nobody = { websocket: 0, sse: 0 };
  const sources = {
    version: "1.2.3",
    measures: new Measures(),
    rooms: () => new Map(),
    connections: () => {
      looks += 1;
      return nobody;
    },
    queueBytes: () => nobody,
    unreadyReason: () => null,
    loadLevel: () => 0,
    machine: null,
    worker: null,
  };
  const waiting = clock.waiting; // the sessions' own
  const watch = new ServerWatch({ sources, clock, sessions });
  const identity = guard.identifyAnonymous("c");
  const open = () => watch.open("c", identity, arrival, new AbortController().signal);
  return { clock, watch, open, looks: () => looks, timers: () => clock.waiting - waiting };
}

/** Takes what waits for a reader. */
async function read(chunks: AsyncGenerator<Uint8Array, void, unknown>): Promise<string> {
  const { value } = await chunks.next();
  return new TextDecoder().decode(value ?? new Uint8Array());
}

test("nothing is looked at and no timer runs while nobody watches", async () => {
  const { clock, open, looks, timers } = await create();
  clock.advance(10_000);
  expect([looks(), timers()]).toEqual([0, 0]);
  const one = open();
  const two = open();
  clock.advance(3_000);
  expect([looks(), timers()]).toEqual([4, 1]); // for both together
  one.close();
  clock.advance(1_000);
  expect(looks()).toBe(5);
  two.close();
  clock.advance(10_000);
  expect([looks(), timers()]).toEqual([5, 0]);
});

test("whoever does not read keeps one sample waiting, and not each that comes", async () => {
  const { clock, open } = await create();
  const stream = open();
  clock.advance(3_600_000);
  const chunks = stream.bytes();
  expect(await read(chunks)).toStartWith(": partyline\n");
  expect(await read(chunks)).toStartWith("event: stats\n");
  expect(stream.queueBytes).toBeGreaterThan(0); // Bun asks for more once it has sent that
  stream.close();
  expect((await chunks.next()).done).toBe(true);
});

test("a watch that was closed lets nobody in", async () => {
  const { watch, open, timers } = await create();
  const stream = open();
  watch.close();
  watch.close();
  expect([stream.isClosed, watch.count, timers()]).toEqual([true, 0, 0]);
  expect(() => open()).toThrow("going away");
});
