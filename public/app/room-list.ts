/** The side bar: the rooms that were joined, and what is unread in each. */

import { arrange, element, find, setText } from "./element.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";
import { countText } from "./words.ts";

const badgeMax = 999;

/** Shows the rooms. `open` is called with the name of the one that was chosen. */
export class RoomList {
  readonly #list = find("room-list", HTMLElement);
  readonly #badge = find("show-rooms-badge", HTMLElement);
  readonly #items = new Map<string, HTMLElement>();
  readonly #session: Session;
  readonly #open: (room: string) => void;

  constructor(session: Session, open: (room: string) => void) {
    this.#session = session;
    this.#open = open;
  }

  /** Shows what the session holds now. */
  render(): void {
    const rooms = [...this.#session.rooms.values()];
    for (const name of this.#items.keys()) {
      if (!this.#session.rooms.has(name)) this.#items.delete(name);
    }
    arrange(
      this.#list,
      rooms.map((room) => this.#item(room)),
    );
    const elsewhere = rooms.filter((room) => room !== this.#session.current && room.log.unread > 0);
    this.#badge.hidden = elsewhere.length === 0;
    setText(this.#badge, String(elsewhere.length));
    const unread = rooms.reduce((sum, { log }) => sum + log.unread, 0);
    const title = this.#session.current?.name;
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${title ? `${title} · ` : ""}Partyline`;
  }

  /** The name of the room `by` places below the current one, going round at the ends. */
  neighbour(by: number): string | undefined {
    const names = [...this.#session.rooms.keys()];
    const at = names.indexOf(this.#session.current?.name ?? "");
    return names.at((at + by + names.length) % Math.max(1, names.length));
  }

  #item(room: Room): HTMLElement {
    const { name, log } = room;
    let item = this.#items.get(name);
    if (item === undefined) {
      const button = element("button", { type: "button", className: "item" });
      button.append(element("span", { className: "label" }, name), element("span", {}));
      button.onclick = () => this.#open(name);
      item = element("li", {}, button);
      this.#items.set(name, item);
    }
    const button = item.firstElementChild;
    const badge = button?.lastElementChild;
    if (!(button instanceof HTMLElement) || !(badge instanceof HTMLElement)) return item;
    const isCurrent = room === this.#session.current;
    if (isCurrent) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
    button.classList.toggle("unread", log.unread > 0);
    badge.className = log.unread > 0 ? "badge" : "";
    setText(badge, log.unread > badgeMax ? `${badgeMax}+` : log.unread > 0 ? `${log.unread}` : "");
    badge.title = log.unread > 0 ? `${countText(log.unread, "message")} not read yet` : "";
    return item;
  }
}
