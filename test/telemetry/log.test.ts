import { expect, test } from "bun:test";
import { createLog, type LogFormat, type LogLevel } from "../../src/telemetry/log.ts";

/** A logger and the lines it wrote. */
function capture(level: LogLevel, format: LogFormat, hasColors = false) {
  const lines: string[] = [];
  return { log: createLog(level, format, { hasColors, write: (line) => lines.push(line) }), lines };
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

test("the levels of lines for people have their colours where there are any", () => {
  const { log, lines } = capture("info", "text", true);
  log.error({ room: "hall" }, "broken");
  log.info({}, "fine");
  expect(lines[0]?.replace(/[\d:.]{12}/, "T")).toBe(
    "\x1b[2mT\x1b[0m \x1b[31merror\x1b[0m broken \x1b[2mroom=\x1b[0mhall\n",
  );
  expect(lines[1]).toContain("\x1b[36minfo ");
});

test("what a client had a part in moves no cursor, begins no line, and ends where it ends", () => {
  const { log, lines } = capture("info", "text");
  const evil = "a b\n00:00:00.000 error forged\x1b[2J\u2028\u0085\x7f";
  log.info({ path: evil, list: [evil], name: 'x"y', empty: "", key: "a=b" }, "request");
  expect(lines).toHaveLength(1);
  const [line = ""] = lines;
  expect(line.split("\n")).toHaveLength(2);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(line.slice(0, -1)).not.toMatch(/[\0-\x1f\x7f-\x9f\u2028\u2029]/);
  expect(line).toContain('path="a b\\n00:00:00.000 error forged\\u001b[2J\\u2028\\u0085\\u007f"');
  expect(line).toEndWith('name="x\\"y" empty="" key="a=b"\n');
});

test("a logger tells whether anybody would read what is costly to find", () => {
  expect(capture("debug", "json").log.isDebug).toBe(true);
  expect(capture("info", "text").log.isDebug).toBe(false);
});
