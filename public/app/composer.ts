/** The field for writing: Enter sends, Shift-Enter breaks the line, ↑ in an empty field recalls. */

import { limits } from "../../src/protocol/limits.ts";
import { isSystemRoom } from "../../src/protocol/room-name.ts";
import { find, setText } from "./element.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";
import { bytesText, countText, namesText, timeText } from "./words.ts";

const hintEveryMs = 3_000;
const envelopeBytes = 512; // what a frame needs beside the text
const countFrom = 0.9;
const encoder = new TextEncoder();

/** Writes into the room in view. Each room keeps its own draft. */
export class Composer {
  readonly #foot = find("foot", HTMLElement);
  readonly #form = find("composer", HTMLFormElement);
  readonly #text = find("text", HTMLTextAreaElement);
  readonly #send = find("send", HTMLButtonElement);
  readonly #note = find("note", HTMLElement);
  readonly #useToken = find("use-token", HTMLButtonElement);
  readonly #typing = find("typing", HTMLElement);
  readonly #session: Session;
  readonly #onSent: () => void;
  #room: Room | undefined;
  #hintedAt = 0;
  #said: string[] = [];

  /** `onSent` hears of each message that was written, `onAsk` that the user wants to give a token. */
  constructor(session: Session, onSent: () => void, onAsk: () => void) {
    this.#session = session;
    this.#onSent = onSent;
    this.#text.oninput = () => this.#change();
    this.#useToken.onclick = () => {
      session.access.need("A token is needed to write here.");
      onAsk();
    };
    this.#text.onkeydown = (event) => this.#press(event);
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#submit();
    };
  }

  /** Puts the cursor into the field, where that does not open a phone's keyboard unasked. */
  focus(): void {
    if (matchMedia("(hover: hover)").matches) this.#text.focus();
  }

  /** Shows what the session holds now. */
  render(): void {
    const room = this.#session.current;
    this.#foot.hidden = room === undefined;
    if (room === undefined) return;
    if (room !== this.#room) {
      this.#room = room;
      this.#hintedAt = 0;
      this.#text.value = room.draft;
      this.#fit();
    }
    const { writeRefusal } = room;
    this.#useToken.hidden = writeRefusal !== "unauthenticated" || room.failure !== undefined;
    this.#form.hidden = writeRefusal !== undefined || room.failure !== undefined;
    this.#text.placeholder = `Write to ${room.name}`;
    this.#text.setAttribute("aria-label", `Write to ${room.name}`);
    setText(this.#typing, describeTyping(room));
    const note = this.#describe(room);
    setText(this.#note, note ?? "");
    this.#note.hidden = note === undefined;
  }

  #describe(room: Room): string | undefined {
    if (room.failure !== undefined) return `This room could not be joined. ${room.failure}`;
    if (isSystemRoom(room.name)) return "This room is read only.";
    if (room.writeRefusal === "forbidden") {
      return "Read only: what you may do here does not include writing.";
    }
    if (room.writeRefusal === "unauthenticated") return "Read only: writing here needs a token.";
    const bytes = this.#bytes();
    const bytesMax = this.#bytesMax();
    if (bytes > bytesMax) {
      return `Too long by ${countText(bytes - bytesMax, "byte")}. Shorten it, or send it in parts.`;
    }
    if (bytes > bytesMax * countFrom) return `${bytesText(bytes)} of ${bytesText(bytesMax)}`;
    const { limitedUntil, notice } = this.#session;
    if (limitedUntil > Date.now()) {
      const seconds = Math.ceil((limitedUntil - Date.now()) / 1000);
      const until = timeText(limitedUntil);
      return `Too many messages at once. Sending goes on at ${until} (in ${seconds} s).`;
    }
    return notice;
  }

  #bytesMax(): number {
    const { frameBytesMax } = this.#session.welcome?.limits ?? {};
    return (frameBytesMax ?? limits.frameBytesMax) - envelopeBytes;
  }

  /** Bytes of the text in a frame. Counted exactly only when it may matter. */
  #bytes(): number {
    const { value } = this.#text;
    // Escaped, a character takes six bytes at most.
    if (value.length * 6 < this.#bytesMax() * countFrom) return value.length;
    return encoder.encode(JSON.stringify(value)).length;
  }

  #change(): void {
    const room = this.#room;
    if (room === undefined) return;
    room.draft = this.#text.value;
    this.#session.notice = undefined;
    this.#fit();
    const isTyping = room.draft !== "";
    const isDue = Date.now() - this.#hintedAt > hintEveryMs;
    if (isTyping ? isDue : this.#hintedAt > 0) {
      room.hintTyping(isTyping);
      this.#hintedAt = isTyping ? Date.now() : 0;
    }
    this.render();
  }

  #press(event: KeyboardEvent): void {
    const { key, isComposing } = event;
    if (key === "Enter" && !event.shiftKey && !isComposing) {
      event.preventDefault();
      this.#submit();
    } else if (key === "ArrowUp" && this.#text.value === "" && !event.altKey) {
      const last = this.#said.at(-1);
      if (last === undefined) return;
      event.preventDefault();
      this.#text.value = last;
      this.#change();
    }
  }

  #submit(): void {
    const room = this.#room;
    const text = this.#text.value.trimEnd();
    if (room === undefined || text.trim() === "" || this.#bytes() > this.#bytesMax()) return;
    this.#said = [...this.#said.slice(-20), text];
    this.#text.value = "";
    room.draft = "";
    this.#hintedAt = 0; // the message itself tells the others that the writing is over
    this.#fit();
    this.#session.say(room, text);
    this.#onSent();
    this.render();
    // On a phone the button took the focus: give it back, so that the keyboard stays.
    if (document.activeElement === this.#send) this.#text.focus();
  }

  /** Grows with the text, up to what the styles allow. */
  #fit(): void {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }
}

function describeTyping(room: Room): string {
  const now = Date.now();
  const names = [...room.typing.values()]
    .filter(({ until }) => until > now)
    .map(({ name }) => name);
  if (names.length === 0) return "";
  if (names.length > 3) return "Several people are writing…";
  return `${namesText(names)} ${names.length === 1 ? "is" : "are"} writing…`;
}
