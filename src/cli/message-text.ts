/** What a room says, as lines for people or for programs. */

import type { Gap, Message, Presence } from "../client/index.ts";
import { parsePosition } from "../protocol/position.ts";
import { formatCount } from "./quantity.ts";
import { toVisible, toVisibleJson } from "./visible-text.ts";

/** How lines are written. `hasRooms` tells that there are several rooms, so that each is named. */
export interface TextForm {
  readonly isJson: boolean;
  readonly isColored: boolean;
  readonly hasRooms: boolean;
}

type Paint = (text: string) => string;

/** Writes a message on a line, after one for the gap before it. JSON is that of the wire. */
export function formatMessage(message: Message, form: TextForm): string {
  const { gap, bytes, ...fields } = message;
  const before = gap === undefined ? "" : formatGap(gap, form);
  if (form.isJson) {
    const wire = bytes === undefined ? fields : { ...fields, bytes: bytes.toBase64() };
    return `${before}${toVisibleJson(wire)}\n`;
  }
  const [dim, bold] = paints(form);
  const name = bold(toVisible(message.from.name));
  return `${before}${dim(formatTime(message.at))}${roomOf(message, form)} ${name}: ${textOf(message)}\n`;
}

/** Writes a line that says what was missed. */
export function formatGap(gap: Gap, form: TextForm): string {
  if (form.isJson) return `${toVisibleJson(gap)}\n`;
  const [dim] = paints(form);
  return dim(`--${roomOf(gap, form)} ${describeGap(gap)} --`).concat("\n");
}

/** Writes who came and who went. `at` is milliseconds since 1970. */
export function formatPresence(presence: Presence, form: TextForm, at: number): string {
  if (form.isJson) return `${toVisibleJson(presence)}\n`;
  const [dim] = paints(form);
  const { joined, left, members } = presence;
  const changes = [
    ...joined.map(({ name }) => `+ ${toVisible(name)}`),
    ...left.map(({ name }) => `- ${toVisible(name)}`),
  ];
  const text = [...changes, `${members.toLocaleString("en")} here`].join(", ");
  return dim(`${formatTime(at)}${roomOf(presence, form)} ${text}`).concat("\n");
}

/** Text as it is, other JSON compact, bytes by their number. */
function textOf({ content, bytes }: Message): string {
  if (bytes !== undefined) return `(${formatCount(bytes.length, "byte")})`;
  return typeof content === "string" ? toVisible(content) : toVisibleJson(content);
}

function describeGap({ reason, from, to }: Gap): string {
  const [last, next] = [from === null ? undefined : parsePosition(from), parsePosition(to)];
  if (reason === "reset") return "the numbering began anew: what was missed is not known";
  if (last === undefined || next === undefined || last.epoch !== next.epoch) {
    return "older messages are no longer kept";
  }
  const count = next.offset - last.offset;
  return `${formatCount(count, "message")} ${count === 1 ? "is" : "are"} no longer kept`;
}

function roomOf({ room }: { readonly room: string }, { hasRooms }: TextForm): string {
  return hasRooms ? ` ${toVisible(room)}` : "";
}

/** Date and time where this runs, such as `2026-01-31 18:05:09`. */
function formatTime(at: number): string {
  const date = new Date(at);
  const [day, time] = [
    [date.getFullYear(), date.getMonth() + 1, date.getDate()],
    [date.getHours(), date.getMinutes(), date.getSeconds()],
  ].map((parts) => parts.map((part) => String(part).padStart(2, "0")));
  return `${day?.join("-")} ${time?.join(":")}`;
}

/** Dim, and bold. */
function paints({ isColored }: TextForm): readonly [Paint, Paint] {
  if (!isColored) return [(text) => text, (text) => text];
  return [(text) => `\x1b[2m${text}\x1b[0m`, (text) => `\x1b[1m${text}\x1b[0m`];
}
