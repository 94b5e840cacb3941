import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { createJournal, ReturningReader } from "../bench/returning-reader.ts";
import { SteadyPublisher } from "../bench/steady-publisher.ts";
import { readLog } from "../support/cluster-load.ts";
import { eventually } from "../support/poll.ts";
import { fromSource, runProgram, startProgram } from "../support/program.ts";
import { Tcp } from "../support/tcp.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(120_000);

/** Who tries while the server is away waits the longer the longer that takes. */
const returnMsMax = 80_000;
const readersMax = 300;
const room = "general";

test("a restart under load loses nothing, leaves with 0, and has everybody back", async () => {
  using folder = createTemporaryFolder();
  const options = ["--drain-window", "1s", "--messages-per-second", "0", "--log-format", "json"];
  options.push("--retention-messages", "0");
  options.push("--durability", "process"); // a slow disk would keep newcomers out for a while
  const start = (port: number) => {
    return startProgram([...fromSource, "serve", "--port", `${port}`, ...options], folder.path);
  };
  using program = await start(0);
  const port = Number(new URL(program.url).port);
  const journal = createJournal();
  const readers = Array.from({ length: readersMax }, (_, index) => {
    return new ReturningReader(port, room, index % 10 === 0, journal);
  });
  for (const reader of readers) reader.open();
  await eventually("all readers", () => readers.every(({ isIn }) => isIn), returnMsMax);
  const publisher = new SteadyPublisher(port, [room], 50);
  await publisher.start();
  await eventually("some messages", () => publisher.acknowledged.size > 20);

  const { code, err } = await program.end("SIGTERM");
  expect(code).toBe(0);
  expect(err).toContain('"msg":"Draining: clients are sent away."');
  expect(err).not.toContain("ran out of time");
  using next = await start(port);
  await eventually("all readers again", () => readers.every(({ isIn }) => isIn), returnMsMax);
  const before = publisher.acknowledged.size;
  await eventually("more messages", () => publisher.acknowledged.size > before + 20);
  await publisher.stop();

  const stored = (await readLog(next.url, room)).map(({ id, position }) => [id, position] as const);
  expect(new Map(stored)).toEqual(publisher.acknowledged);
  expect(stored).toHaveLength(publisher.acknowledged.size); // none of them twice
  await eventually("the last message everywhere", () => {
    return readers.every(({ offset }) => offset === stored.length);
  });
  expect([journal.faults, journal.cuts]).toEqual([[], 0]);
  expect(journal.delays).toHaveLength(readersMax);
  expect(Math.max(...journal.delays)).toBeLessThanOrEqual(1_000);
  for (const reader of readers) reader.close();
  expect((await next.end("SIGINT")).code).toBe(0);
});

test("a server that nobody is connected to is gone at once", async () => {
  using folder = createTemporaryFolder();
  const options = ["--port", "0", "--drain-window", "1m", "--drain-timeout", "2m"];
  using program = await startProgram([...fromSource, "serve", ...options], folder.path);
  const startedAt = performance.now();
  expect((await program.end("SIGINT")).code).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});

test("a service's log has its start, its drain and its end, and nothing but JSON", async () => {
  using folder = createTemporaryFolder();
  await Bun.write(join(folder.path, "files/large.bin"), new Uint8Array(24 * 1_048_576));
  const command = [...fromSource, "serve", "--port", "0", "--files", "files"];
  using program = await startProgram(command, folder.path);
  using tcp = new Tcp(Number(new URL(program.url).port));
  tcp.request("GET /files/large.bin HTTP/1.1");
  await tcp.match(/\r\n\r\n/);
  tcp.socket.pause();
  const ended = program.end("SIGTERM");
  await eventually("it says what it waits for", () => program.err.includes("under way"));
  tcp.socket.resume();
  const { code, err } = await ended;
  const lines = err
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(code).toBe(0);
  expect(lines).toMatchObject([
    { level: "info", msg: "Started.", url: program.url, version: expect.any(String) },
    { level: "info", msg: "Stopping." },
    { level: "info", msg: "Draining: requests under way may end.", requests: 1 },
    { level: "info", msg: "Stopped.", ms: expect.any(Number) },
  ]);
});

test("times of draining that are none are refused by name", async () => {
  using folder = createTemporaryFolder();
  for (const key of ["drain-delay", "drain-window", "drain-timeout"]) {
    const { code, err } = await runProgram([...fromSource, "serve", `--${key}`, "5"], folder.path);
    expect(code).toBe(2);
    expect(err).toContain(`${key} is "5" (--${key}), which is not accepted; give a duration`);
  }
});
