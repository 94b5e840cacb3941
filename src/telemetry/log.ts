/** The logger. It never gets a token or a body; whoever calls it sees to that. */

import pino from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
export type LogFormat = "json" | "text";

/** Writes lines with fields. A field named `err` is written with its stack. */
export interface Log {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

const levelNames: Readonly<Record<number, string>> = {
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
};

/** Makes a logger. `write` takes whole lines; they go to stderr by default. */
export function createLog(
  level: LogLevel,
  format: LogFormat,
  write: (line: string) => void = (line) => void process.stderr.write(line),
): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    // pino's own words for levels are numbers; collectors want names.
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (format === "json") return pino(options, { write });
  const { formatters: _, ...plain } = options;
  return pino(plain, { write: (line: string) => write(toText(line)) });
}

function toText(line: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(line);
  const name = levelNames[level] ?? String(level);
  let text = `${String(time).slice(11, 23)} ${name.padEnd(5)} ${msg}`;
  for (const [key, value] of Object.entries(fields)) {
    text += ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`;
  }
  return err?.stack === undefined ? `${text}\n` : `${text}\n${err.stack}\n`;
}
