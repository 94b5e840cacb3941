import { expect, test } from "bun:test";
import { createLog, type LogFormat, type LogLevel } from "../../src/telemetry/log.ts";

/** A logger and the lines it wrote. */
function capture(level: LogLevel, format: LogFormat) {
  const lines: string[] = [];
  return { log: createLog(level, format, (line) => lines.push(line)), lines };
}

test("a line of JSON has its time, level, fields and text", () => {
  const { log, lines } = capture("info", "json");
  log.warn({ room: "hall", connection: "c1" }, "something\nodd");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toEndWith("}\n");
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    level: "warn",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    room: "hall",
    connection: "c1",
    msg: "something\nodd",
  });
});

test("a line for people has the time of day, the level, the text and the fields", () => {
  const { log, lines } = capture("debug", "text");
  log.debug({ room: "hall", count: 2, list: [1] }, "opened");
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} debug opened room=hall count=2 list=\[1\]\n$/);
});

test("a defect is written with its stack, in both forms", () => {
  for (const format of ["json", "text"] as const) {
    const { log, lines } = capture("error", format);
    log.error({ err: new TypeError("broken") }, "defect");
    expect(lines.join("")).toContain("broken");
    expect(lines.join("")).toContain("log.test.ts");
  }
});

test("what is below the level is not written, and silent writes nothing", () => {
  const { log, lines } = capture("warn", "json");
  log.debug({}, "a");
  log.info({}, "b");
  log.warn({}, "c");
  log.error({}, "d");
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["c", "d"]);
  const silent = capture("silent", "text");
  silent.log.error({}, "e");
  expect(silent.lines).toEqual([]);
});
