/** What every way of reading a room must do. One suite, run against each of them. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../support/poll.ts";
import { ReaderLog } from "../support/reader-log.ts";
import { TestServer } from "../support/server.ts";
import type { Transport } from "../support/transports.ts";

/** Runs the suite against one transport. */
export function testTransport(transport: Transport): void {
  describe(`reading by ${transport.name}`, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await TestServer.start({ retention: { messagesMax: 20 } });
    });
    afterAll(() => server[Symbol.asyncDispose]());

    /** Reads until `isEnough`, then cuts the connection. */
    async function read(
      room: string,
      log: ReaderLog,
      isEnough: () => boolean,
      fallback?: "start" | "end",
    ) {
      const abort = new AbortController();
      const visit = transport.visit(server.url, room, log, abort.signal, fallback);
      await eventually(`enough for ${transport.name}`, () => isEnough() || log.failure !== null);
      abort.abort();
      await visit;
      if (log.failure !== null) throw log.failure;
    }

    async function publish(room: string, count: number): Promise<void> {
      for (let left = count; left > 0; left -= 1) await server.publish(room, left);
    }

    test("from the start gives all that is kept, in order, each once", async () => {
      const log = new ReaderLog("reader");
      await publish("whole", 15);
      await read("whole", log, () => log.offset === 15, "start");
      expect([log.received, log.gaps]).toEqual([15, []]);
    });

    test("from the start misses nothing by what was forgotten before it", async () => {
      const log = new ReaderLog("reader");
      await publish("kept", 50);
      await read("kept", log, () => log.offset === 50, "start");
      expect(log.gaps).toEqual([]);
      expect(log.received).toBeGreaterThanOrEqual(20);
    });

    test("from the end gives what comes after", async () => {
      const log = new ReaderLog("reader");
      await publish("later", 5);
      const abort = new AbortController();
      const visit = transport.visit(server.url, "later", log, abort.signal);
      await eventually("a place", () => log.offset === 5);
      await publish("later", 5);
      await eventually("what came", () => log.offset === 10 || log.failure !== null);
      expect([log.received, log.failure]).toEqual([5, null]);
      abort.abort();
      await visit;
    });

    test("again from its position gives exactly what was missed", async () => {
      const log = new ReaderLog("reader");
      await publish("again", 3);
      await read("again", log, () => log.offset === 3, "start");
      for (let visit = 1; visit <= 5; visit += 1) {
        await publish("again", 7);
        await read("again", log, () => log.offset === 3 + 7 * visit);
      }
      expect([log.received, log.gaps]).toEqual([38, []]);
    });

    test("again after more was written than is kept says what is missing", async () => {
      const log = new ReaderLog("reader");
      await publish("trimmed", 3);
      await read("trimmed", log, () => log.offset === 3, "start");
      await publish("trimmed", 60);
      await read("trimmed", log, () => log.offset === 63);
      expect(log.gaps).toMatchObject([{ room: "trimmed", reason: "trimmed" }]);
      expect(log.gaps[0]?.from).toEndWith(":3");
      expect(log.received).toBeLessThan(63);
      expect(log.received).toBeGreaterThanOrEqual(23);
    });

    test("from a position of another life starts over, and says so", async () => {
      const log = new ReaderLog("reader");
      log.stand("another:7");
      await publish("reset", 4);
      await read("reset", log, () => log.offset === 4 && log.epoch !== "another");
      expect(log.gaps).toMatchObject([{ reason: "reset", from: "another:7" }]);
      expect(log.received).toBe(4);
    });

    test("the same position that a publish was answered with is where its message is", async () => {
      const log = new ReaderLog("reader");
      const { position } = await server.publish("places", "x");
      await read("places", log, () => log.offset === 1, "start");
      expect(log.since()).toBe(position);
    });
  });
}
