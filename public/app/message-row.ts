/** The rows of the conversation: messages, our own on their way, day lines, gaps. */

import type { Message } from "../../src/client/contract.ts";
import { contentElement, contentText, textElement } from "./content.ts";
import { element } from "./element.ts";
import type { Outgoing } from "./outgoing.ts";
import { countText, fullTimeText, timeText } from "./words.ts";

// No red and no amber among them: those two mean failure and "not connected".
const hues = [150, 178, 205, 232, 258, 285, 312, 340];

/** What copying needs to know of a row: see `copying.ts`. */
export interface Saying {
  readonly name: string;
  readonly at: number;
  readonly text: string;
}

const sayings = new WeakMap<Element, Saying>();

/** Recalls what a row says, undefined for lines between messages. */
export function sayingOf(row: Element): Saying | undefined {
  return sayings.get(row);
}

/** Makes a message's row. Consecutive ones of one person have a heading only on the first. */
export function messageRow(message: Message, hasHeading: boolean): HTMLElement {
  const { from, at } = message;
  const row = element("li", { className: hasHeading ? "message first-of" : "message" });
  if (hasHeading) row.append(heading(from.name, at));
  else row.append(timeElement(at));
  row.append(contentElement(message));
  sayings.set(row, { name: from.name, at, text: contentText(message) });
  return row;
}

/** Makes the row of our own message that is not in the log yet. */
export function outgoingRow(
  outgoing: Outgoing,
  name: string,
  hasHeading: boolean,
  act: { retry(outgoing: Outgoing): void; discard(outgoing: Outgoing): void },
): HTMLElement {
  const { state, at, content, failure } = outgoing;
  const text = typeof content === "string" ? content : JSON.stringify(content);
  const row = element("li", { className: `message ${state}${hasHeading ? " first-of" : ""}` });
  row.append(hasHeading ? heading(name, at) : timeElement(at), textElement(text));
  sayings.set(row, { name, at, text });
  if (state === "failed") {
    const retry = element("button", { type: "button", className: "quiet" }, "Send again");
    const discard = element("button", { type: "button", className: "quiet" }, "Discard");
    retry.onclick = () => act.retry(outgoing);
    discard.onclick = () => act.discard(outgoing);
    row.append(element("p", { className: "fate" }, `Not sent. ${failure ?? ""} `, retry, discard));
  } else if (state === "waiting") {
    row.append(element("p", { className: "fate" }, "Waiting to be sent"));
  }
  return row;
}

/** Makes the line above the first message of a day. */
export function dayLine(day: string): HTMLElement {
  return element("li", { className: "line day" }, element("span", {}, day));
}

/** Makes the line above what came since the reader last looked. */
export function newLine(): HTMLElement {
  return element("li", { className: "line new" }, element("span", {}, "New"));
}

/** Makes the line where messages are missing. `missed` counts them, null if nobody knows. */
export function gapLine(missed: number | null): HTMLElement {
  const text =
    missed === null
      ? "The room started over here; what was before is no longer kept"
      : `${countText(missed, "message is", "messages are")} no longer kept`;
  return element("li", { className: "line gap" }, element("span", {}, text));
}

function heading(name: string, at: number): HTMLElement {
  const who = element("strong", { className: "who", dir: "auto" }, name);
  who.style.setProperty("--hue", String(hueOf(name)));
  return element("header", {}, who, timeElement(at));
}

function timeElement(at: number): HTMLElement {
  const dateTime = new Date(at).toISOString();
  return element("time", { dateTime, title: fullTimeText(at) }, timeText(at));
}

/** The hue of a name: the same on every page, since it comes from the name alone (FNV-1a). */
function hueOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hues[hash % hues.length] ?? 232;
}
