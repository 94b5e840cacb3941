/** A message's content as nodes: text stays text, whatever signs it holds; only links become links. */

import type { Message } from "../../src/client/contract.ts";
import { element } from "./element.ts";
import { countText } from "./words.ts";

const shownLengthMax = 3_000;
const linkPattern = /https?:\/\/[^\s<>"“”]+/g;
const trailing = /[.,:;!?'…]+$/;

/** The text of a message, for reading aloud, copying and recalling. */
export function contentText({ content, bytes }: Message): string {
  if (bytes !== undefined) return countText(bytes.length, "byte");
  if (typeof content === "string") return content;
  if (isTextObject(content)) return content.text;
  return JSON.stringify(content) ?? "";
}

/** Makes what a message shows. Long contents are cut, with a button that shows all. */
export function contentElement(message: Message): HTMLElement {
  const text = contentText(message);
  const { content, bytes } = message;
  if (bytes !== undefined) return element("span", { className: "bytes" }, text);
  const isText = typeof content === "string" || isTextObject(content);
  const body = element(isText ? "span" : "code", { className: "content", dir: "auto" });
  fill(body, text, isText);
  return body;
}

/** Makes what our own text shows while it is on its way. */
export function textElement(text: string): HTMLElement {
  const body = element("span", { className: "content", dir: "auto" });
  fill(body, text, true);
  return body;
}

function fill(body: HTMLElement, text: string, hasLinks: boolean): void {
  const isLong = text.length > shownLengthMax;
  const shown = isLong ? `${text.slice(0, shownLengthMax)}…` : text;
  body.replaceChildren(...(hasLinks ? linkify(shown) : [shown]));
  if (!isLong) return;
  const label = `Show all ${countText(text.length, "character")}`;
  const button = element("button", { type: "button", className: "quiet more" }, label);
  button.onclick = () => body.replaceChildren(...(hasLinks ? linkify(text) : [text]));
  body.append(button);
}

/** Splits text at its links. Only http and https: a `javascript:` link would run in this page. */
export function linkify(text: string): (string | HTMLAnchorElement)[] {
  const parts: (string | HTMLAnchorElement)[] = [];
  let end = 0;
  for (const match of text.matchAll(linkPattern)) {
    const href = trimLink(match[0]);
    if (!URL.canParse(href)) continue;
    parts.push(text.slice(end, match.index));
    parts.push(element("a", { href, target: "_blank", rel: "noopener noreferrer" }, href));
    end = match.index + href.length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

/** Takes off what ends the sentence rather than the link: "(see https://a.b/c)." */
function trimLink(link: string): string {
  const trimmed = link.replace(trailing, "");
  const isUnbalanced = trimmed.endsWith(")") && !trimmed.includes("(");
  return isUnbalanced ? trimLink(trimmed.slice(0, -1)) : trimmed;
}

function isTextObject(content: unknown): content is { text: string } {
  if (typeof content !== "object" || content === null) return false;
  return "text" in content && typeof content.text === "string";
}
