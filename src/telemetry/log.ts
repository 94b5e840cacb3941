/** The logger. It never gets a token or a body; whoever calls it sees to that. */

import pino from "pino";
import { LineSink } from "./line-sink.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
export type LogFormat = "json" | "text";

/** Writes lines with fields. A field named `err` is written with its stack. */
export interface Log {
  /** Whether lines of that level are written: for those whose fields cost something to find. */
  readonly isDebug: boolean;
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface LogOptions {
  /** Takes whole lines; they go to stderr where it is left out. */
  readonly write?: (line: string) => void;
  /** Colours the levels of lines for people. */
  readonly hasColors?: boolean;
  /** Stand in each line. */
  readonly fields?: object;
}

/** What a configuration says of the log. */
export interface LogSettings {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat | "auto";
}

/** By pino's numbers: their names, and colours that terminals know (ECMA-48, SGR). */
const levels: Readonly<Record<number, { readonly name: string; readonly color: number }>> = {
  20: { name: "debug", color: 90 },
  30: { name: "info", color: 36 },
  40: { name: "warn", color: 33 },
  50: { name: "error", color: 31 },
};

/** Makes the log of this process, on standard error. `fields` stand in each line. */
export function createProcessLog({ logLevel, logFormat }: LogSettings, fields: object = {}): Log {
  const usual = process.stderr.isTTY ? "text" : "json";
  // https://no-color.org: whatever it is set to, unless that is nothing.
  const hasColors = process.stderr.isTTY && !process.env.NO_COLOR;
  return createLog(logLevel, logFormat === "auto" ? usual : logFormat, { hasColors, fields });
}

/** Makes a logger. */
export function createLog(level: LogLevel, format: LogFormat, given: LogOptions = {}): Log {
  const sink = new LineSink(process.stderr, (lines) => {
    log.warn({ lines }, "Log lines are missing before this one: nobody took them in time.");
  });
  const { write = (line) => sink.write(line), hasColors = false, fields = {} } = given;
  const options = { level, base: fields, timestamp: pino.stdTimeFunctions.isoTime };
  const logger =
    format === "text"
      ? pino(options, { write: (line: string) => write(toText(line, hasColors)) })
      : // pino's own words for levels are numbers; collectors want names.
        pino({ ...options, formatters: { level: (name: string) => ({ level: name }) } }, { write });
  const log: Log = {
    isDebug: logger.isLevelEnabled("debug"),
    debug: (fields, text) => logger.debug(fields, text),
    info: (fields, text) => logger.info(fields, text),
    warn: (fields, text) => logger.warn(fields, text),
    error: (fields, text) => logger.error(fields, text),
  };
  return log;
}

function toText(line: string, hasColors: boolean): string {
  const { time, level, msg, err, ...fields } = JSON.parse(line);
  const { name = String(level), color = 0 } = levels[level] ?? {};
  const [paint, dim, plain] = hasColors ? [`\x1b[${color}m`, "\x1b[2m", "\x1b[0m"] : ["", "", ""];
  const clock = `${dim}${String(time).slice(11, 23)}${plain}`;
  let text = `${clock} ${paint}${name.padEnd(5)}${plain} ${escapeControls(msg)}`;
  for (const [key, value] of Object.entries(fields)) text += ` ${dim}${key}=${plain}${show(value)}`;
  return err?.stack === undefined ? `${text}\n` : `${text}\n${escapeControls(err.stack)}\n`;
}

/** A text stands as it is, unless nobody could tell where it ends. */
function show(value: unknown): string {
  const isPlain = typeof value === "string" && /^[^\s"=]+$/.test(value);
  return escapeControls(isPlain ? value : JSON.stringify(value));
}

/** Whatever others had a part in writing must neither move a terminal's cursor nor begin a line. */
function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/g, (sign) => {
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
