/** Ctrl-K: finds a room by a part of its name, or creates it. */

import { assertRoomName } from "../../src/protocol/room-name.ts";
import { arrange, element, find, setText } from "./element.ts";
import type { Session } from "./session.ts";
import { fetchAs } from "./token.ts";
import { countText } from "./words.ts";

const shownMax = 8;

interface Choice {
  readonly room: string;
  readonly note: string;
}

/** The dialog. `choose` is called with the name of a room, joined or not. */
export class Switcher {
  readonly #dialog = find("switcher", HTMLDialogElement);
  readonly #input = element("input", {
    type: "text",
    placeholder: "Name of a room",
    autocomplete: "off",
    spellcheck: false,
    maxLength: 128,
    role: "combobox",
    "aria-label": "Name of a room",
    "aria-controls": "switcher-list",
    "aria-expanded": "true",
    "aria-autocomplete": "list",
  });
  readonly #list = element("ul", { className: "list", id: "switcher-list", role: "listbox" });
  readonly #hint = element("p", { className: "hint", role: "status" });
  readonly #session: Session;
  readonly #choose: (room: string) => void;
  #choices: Choice[] = [];
  #others: Choice[] = [];
  #at = 0;

  constructor(session: Session, choose: (room: string) => void) {
    this.#session = session;
    this.#choose = choose;
    this.#dialog.append(this.#input, this.#list, this.#hint);
    this.#input.oninput = () => this.#search();
    this.#input.onkeydown = (event) => this.#press(event);
    this.#dialog.onclick = ({ target }) => {
      if (target === this.#dialog) this.#dialog.close(); // the backdrop
    };
  }

  /** Opens the dialog, empty. */
  open(): void {
    if (this.#dialog.open) return this.#dialog.close();
    this.#input.value = "";
    this.#dialog.showModal();
    this.#search();
    this.#fetchOthers();
  }

  /** Rooms of the server that were not joined. Without them the dialog works all the same. */
  async #fetchOthers(): Promise<void> {
    try {
      const response = await fetchAs(this.#session.access.token, "rooms", "application/json");
      const { rooms }: { rooms: { room: string; members: number }[] } = await response.json();
      this.#others = rooms.map(({ room, members }) => {
        return { room, note: members > 0 ? `${countText(members, "person", "people")} there` : "" };
      });
      this.#search();
    } catch {
      this.#others = [];
    }
  }

  #search(): void {
    const part = this.#input.value.trim().replace(/^#/, "");
    const joined = [...this.#session.rooms.values()].map(({ name, log }): Choice => {
      return { room: name, note: log.unread > 0 ? countText(log.unread, "new", "new") : "joined" };
    });
    const others = this.#others.filter(({ room }) => !this.#session.rooms.has(room));
    const matches = [...joined, ...others].filter(({ room }) => {
      return room.toLowerCase().includes(part.toLowerCase());
    });
    this.#choices = matches.slice(0, shownMax);
    const isNew = part !== "" && !matches.some(({ room }) => room === part);
    const failure = isNew ? describeFailure(part) : undefined;
    if (isNew && failure === undefined) this.#choices.push({ room: part, note: "Create or join" });
    setText(this.#hint, failure ?? (this.#choices.length === 0 ? "No rooms yet. Name one." : ""));
    this.#select(0);
  }

  #select(at: number): void {
    const { length } = this.#choices;
    this.#at = length === 0 ? 0 : (at + length) % length;
    const items = this.#choices.map(({ room, note }, index) => {
      const isSelected = index === this.#at;
      const item = element("li", { className: "item", role: "option", id: `choice-${index}` });
      item.setAttribute("aria-selected", String(isSelected));
      item.append(element("span", { className: "label" }, room));
      item.append(element("span", { className: "meta" }, note));
      item.onclick = () => this.#take(room);
      return item;
    });
    arrange(this.#list, items);
    this.#input.setAttribute("aria-activedescendant", `choice-${this.#at}`);
  }

  #press(event: KeyboardEvent): void {
    if (event.key === "ArrowDown") this.#select(this.#at + 1);
    else if (event.key === "ArrowUp") this.#select(this.#at - 1);
    else if (event.key === "Enter" && !event.isComposing) {
      const choice = this.#choices[this.#at];
      if (choice !== undefined) this.#take(choice.room);
    } else return;
    event.preventDefault();
  }

  #take(room: string): void {
    this.#dialog.close();
    this.#choose(room);
  }
}

/** Says why a room can not have a name, undefined if it can. */
export function describeFailure(room: string): string | undefined {
  try {
    assertRoomName(room);
    return undefined;
  } catch {
    return "A room's name has letters, digits, and . : ~ _ - only, without spaces.";
  }
}
