/** The conversation: what stands in it, where the reader is, and older messages on scrolling up. */

import { arrange, find, setText } from "./element.ts";
import { dayLine, gapLine, messageRow, newLine, outgoingRow } from "./message-row.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Room } from "./room.ts";
import type { Entry } from "./room-log.ts";
import type { Session } from "./session.ts";
import { countText, dayText } from "./words.ts";

const groupMs = 5 * 60_000;
const nearTopPx = 600;
const nearBottomPx = 60;
const calmMs = 300; // "Waiting to be sent" is said only of what takes longer than this

interface Previous {
  day: string;
  author: string;
  at: number;
}

/** Shows the room in view. */
export class MessageList {
  readonly #log = find("log", HTMLElement);
  readonly #list = find("messages", HTMLElement);
  readonly #top = find("log-top", HTMLElement);
  readonly #pill = find("pill", HTMLButtonElement);
  readonly #session: Session;
  /** Rows by what they show: a row is made anew only when that changed. */
  readonly #rows = new WeakMap<object, { key: string; row: HTMLElement }>();
  readonly #newLine = newLine();
  readonly #days = new Map<string, HTMLElement>();
  #room: Room | undefined;
  #isAtBottom = true;

  constructor(session: Session) {
    this.#session = session;
    this.#log.tabIndex = 0; // so that keys can scroll it in every browser
    this.#log.addEventListener("scroll", () => this.#look(), { passive: true });
    this.#pill.onclick = () => this.scrollToEnd();
    // The composer grows, a keyboard opens: whoever was at the end stays there.
    new ResizeObserver(() => this.#settle()).observe(this.#log);
  }

  /** Brings the newest message into view. */
  scrollToEnd(): void {
    this.#isAtBottom = true;
    this.#settle();
    this.#look();
  }

  /** Shows what the session holds now. Keeps the reader's place. */
  render(): void {
    const room = this.#session.current;
    this.#log.hidden = room === undefined;
    if (room === undefined) return;
    const isOther = room !== this.#room;
    if (isOther && this.#room !== undefined) this.#room.log.isBrowsed = false;
    if (isOther) this.#days.clear();
    this.#room = room;
    const anchor = isOther || this.#isAtBottom ? undefined : this.#anchor();
    arrange(this.#list, this.#elements(room));
    setText(this.#top, topText(room));
    if (isOther) this.#open();
    else if (anchor !== undefined) this.#log.scrollTop += anchor.row.offsetTop - anchor.top;
    else this.#settle();
    this.#look();
  }

  /** A room just opened shows its first new message, or its end. */
  #open(): void {
    this.#isAtBottom = true;
    this.#settle();
    const line = this.#newLine;
    const isAbove = line.isConnected && line.offsetTop < this.#log.scrollTop;
    if (isAbove) this.#log.scrollTop = line.offsetTop - 40;
  }

  #settle(): void {
    if (this.#isAtBottom) this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** Notes where the reader is, and does what that asks for: reading, loading older messages. */
  #look(): void {
    const room = this.#room;
    if (room === undefined || this.#log.hidden) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    this.#isAtBottom = scrollHeight - clientHeight - scrollTop < nearBottomPx;
    room.log.isBrowsed = !this.#isAtBottom;
    if (this.#isAtBottom && document.visibilityState === "visible") this.#session.markRead(room);
    else if (room.log.unread > 0 && room.log.line === undefined) room.log.line = room.log.read;
    if (scrollTop < nearTopPx && room.isJoined) room.loadHistory();
    const { unread } = room.log;
    this.#pill.hidden = this.#isAtBottom;
    setText(this.#pill, unread > 0 ? `${countText(unread, "new", "new")} ↓` : "To the newest ↓");
  }

  /** The first message row in view, and where it stands. */
  #anchor(): { row: HTMLElement; top: number } | undefined {
    const { scrollTop } = this.#log;
    for (const row of this.#list.children) {
      if (!(row instanceof HTMLElement) || !row.classList.contains("message")) continue;
      if (row.offsetTop + row.offsetHeight > scrollTop) return { row, top: row.offsetTop };
    }
    return undefined;
  }

  #elements({ log }: Room): HTMLElement[] {
    const elements: HTMLElement[] = [];
    const previous: Previous = { day: "", author: "", at: 0 };
    const { line } = log;
    let isNew = false;
    for (const entry of log.entries) {
      if (line !== undefined && !isNew && isAfter(entry, line.offset)) {
        isNew = true;
        elements.push(this.#newLine);
        previous.author = "";
      }
      if (entry.kind === "gap") {
        elements.push(this.#row(entry, "", () => gapLine(entry.missed)));
        previous.author = "";
        continue;
      }
      const { message } = entry;
      const { id, name } = message.from;
      // Over HTTP all that are anonymous share one id.
      const hasHeading = this.#step(elements, previous, `${id} ${name}`, message.at);
      elements.push(this.#row(entry, String(hasHeading), () => messageRow(message, hasHeading)));
    }
    for (const outgoing of log.outgoing) {
      const author = `${this.#session.user?.id} ${this.#session.name}`;
      elements.push(this.#outgoing(outgoing, this.#step(elements, previous, author, outgoing.at)));
    }
    return elements;
  }

  /** Goes on to a message: adds a day line if need be, and tells whether it has a heading. */
  #step(elements: HTMLElement[], previous: Previous, author: string, at: number): boolean {
    const day = dayText(at);
    if (day !== previous.day) {
      elements.push(this.#day(day));
      previous.author = "";
    }
    const hasHeading = author !== previous.author || at - previous.at > groupMs;
    Object.assign(previous, { day, author, at });
    return hasHeading;
  }

  #day(day: string): HTMLElement {
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    const made = dayLine(day);
    this.#days.set(day, made);
    return made;
  }

  #outgoing(outgoing: Outgoing, hasHeading: boolean): HTMLElement {
    const { name } = this.#session;
    const waitedMs = Date.now() - outgoing.at;
    const isCalm = outgoing.state === "waiting" && waitedMs < calmMs;
    if (isCalm) setTimeout(() => this.render(), calmMs);
    return this.#row(outgoing, `${hasHeading} ${isCalm}`, () => {
      const shown = isCalm ? { ...outgoing, state: "sent" as const } : outgoing;
      return outgoingRow(shown, name, hasHeading, this.#session);
    });
  }

  #row(shown: object, key: string, make: () => HTMLElement): HTMLElement {
    const known = this.#rows.get(shown);
    if (known?.key === key) return known.row;
    const row = make();
    this.#rows.set(shown, { key, row });
    return row;
  }
}

function isAfter(entry: Entry, offset: number): boolean {
  return entry.offset > offset;
}

function topText({ log, isJoined, isLoading, failure }: Room): string {
  if (failure !== undefined) return "";
  if (isLoading) return "Loading earlier messages…";
  if (!isJoined && log.entries.length === 0) return "Joining…";
  if (log.entries.length + log.outgoing.length === 0) {
    return "Nothing has been said here yet. Write the first message below.";
  }
  return log.hasMore ? "" : "This is the beginning of what is kept.";
}
