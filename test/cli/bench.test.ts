import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { formatReport } from "../../src/cli/bench-report.ts";
import { runCommand } from "../support/command-line.ts";
import { TestServer } from "../support/server.ts";
import { createToken, withTokens } from "../support/tokens.ts";

const folder = tmpdir();

/** Runs a short bench and returns what it printed as JSON. */
async function bench(url: string, ...flags: string[]) {
  const given = ["bench", "--url", url, "--json", "--duration", "300ms", ...flags];
  const { code, out, err } = await runCommand(folder, given);
  return { code, err, report: JSON.parse(out) };
}

describe("a bench", () => {
  test("counts what it published and what every member of its rooms was sent", async () => {
    await using server = await TestServer.start();
    const load = ["--connections", "12", "--rooms", "3", "--rate", "100"];
    const { code, report } = await bench(server.url, ...load);
    expect(code).toBe(0);
    expect(report).toMatchObject({ connected: 12, transports: ["websocket"], undelivered: 0 });
    expect(report.failures).toEqual([]);
    expect(report.acknowledged.count).toBe(30);
    expect(report.delivered.count).toBe(30 * 4);
    expect(report.connect.count).toBe(12);
    const { p50, p90, p99, max } = report.delivered;
    expect(p50).toBeGreaterThan(0);
    expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].toSorted((a, b) => a - b));
    const { rooms } = await server.json("/rooms?after=bench");
    expect(rooms.map(({ room }: { room: string }) => room)).toEqual(report.rooms.toSorted());
    const page = await server.json(`/rooms/${report.rooms[0]}/messages?since=start`);
    const [{ content }] = page.messages;
    expect(JSON.stringify(content).length).toBeGreaterThanOrEqual(120);
    expect(JSON.stringify(content).length).toBeLessThanOrEqual(136);
  });

  test("forgets its rooms where it may, and says that they stay where it may not", async () => {
    await using guarded = await TestServer.start(withTokens);
    const load = ["--connections", "4", "--rooms", "2", "--rate", "50"];
    const may = ["read", "write", "presence"];
    const boss = await createToken({ sub: "boss", rooms: { "*": [...may, "admin"] } });
    const forgot = await bench(guarded.url, ...load, "--token", boss);
    expect(forgot.report.kept).toEqual({ rooms: [], reason: null });
    const headers = { authorization: `Bearer ${boss}` };
    for (const room of forgot.report.rooms) {
      const { messages } = await guarded.json(`/rooms/${room}/messages`, { headers });
      expect([room, messages]).toEqual([room, []]);
    }
    const guest = await createToken({ sub: "guest", rooms: { "*": may } });
    const { report } = await bench(guarded.url, ...load, "--token", guest);
    const reason = "To forget them takes a token with admin in them.";
    expect(report.kept).toEqual({ rooms: report.rooms.toSorted(), reason });
    expect(formatReport(report, guarded.url)).toEndWith(
      `\n2 rooms bench-… stay on the server until it forgets what is old. ${reason}\n`,
    );
  });

  test("goes over SSE where it is told to, and as fast as messages are stored", async () => {
    await using server = await TestServer.start();
    const load = ["--connections", "4", "--rooms", "2", "--rate", "0", "--transport", "sse"];
    const { code, report } = await bench(server.url, ...load);
    expect(code).toBe(0);
    expect(report.transports).toEqual(["sse"]);
    expect(report.acknowledged.count).toBeGreaterThan(10);
    expect(report.delivered.count).toBe(2 * report.acknowledged.count);
  });

  test("tells connections that failed, and ends with 1", async () => {
    await using server = await TestServer.start({ connectionsMax: 3 });
    const { code, report } = await bench(server.url, "--connections", "5", "--rooms", "1");
    expect(code).toBe(1);
    expect(report.connected).toBe(3);
    expect(report.failures[0].count).toBe(2);
  });

  test("prints a table for people", async () => {
    await using server = await TestServer.start();
    const given = ["bench", "--url", server.url, "--duration", "200ms", "--connections", "2"];
    const { code, out } = await runCommand(folder, given);
    expect(code).toBe(0);
    expect(out).toContain("2 connections in 2 rooms over websocket, messages of 128 bytes");
    expect(out).toMatch(/^publish → deliver +20 +100 .* ms$/m);
    // A machine that was too busy for the bench itself is told of in place of that.
    expect(out).toMatch(/\n(All was stored and delivered|This program was late itself, .+)\.\n/);
  });

  test("tells what it has measured when a signal ends it, with the signal's code", async () => {
    await using server = await TestServer.start();
    const { promise, resolve } = Promise.withResolvers<() => void>();
    const given = ["bench", "--url", server.url, "--duration", "1h", "--connections", "2"];
    const running = runCommand(folder, given, (end) => resolve(() => end("SIGINT")));
    const interrupt = await promise;
    const watcher = await server.connect();
    await watcher.join("$server");
    await watcher.next("message", ({ content }) => (content as { rooms: number }).rooms >= 3);
    interrupt();
    const { code, out } = await running;
    expect(code).toBe(130);
    expect(out).toContain("publish → ack");
  });

  test("does not load a server elsewhere without a word of its own", async () => {
    const given = ["bench", "--url", "http://partyline.example", "--duration", "1s"];
    const { code, err } = await runCommand(folder, given);
    expect(code).toBe(2);
    expect(err).toContain("http://partyline.example is not on this machine");
    expect(err).toContain("--yes");
  });

  test("names a flag that is wrong, its value and the accepted form", async () => {
    for (const [flags, text] of [
      [["--connections", "0"], '--connections is "0", which is not accepted; give'],
      [["--rooms", "9", "--connections", "3"], "--rooms is 9, more than the 3 --connections"],
      [["--transport", "udp"], '--transport is "udp"; give websocket or sse'],
      [["--duration", "long"], '--duration is "long", which is not accepted; give'],
    ] as const) {
      const { code, err } = await runCommand(folder, ["bench", ...flags]);
      expect(code).toBe(2);
      expect(err).toContain(text);
    }
  });

  test("says that nothing listens, and ends with 1", async () => {
    const server = await TestServer.start();
    await server[Symbol.asyncDispose]();
    const { code, err } = await runCommand(folder, ["bench", "--url", server.url]);
    expect(code).toBe(1);
    expect(err).toBe(`Nothing listens at ${server.url}.\n`);
  });
});
