/** Who is in the room, and how many follow it without being in it. */

import { arrange, element, find, setText } from "./element.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";
import { countText, fullTimeText } from "./words.ts";

const listedMax = 200;

/** Shows the members of the room in view. */
export class PeopleList {
  readonly #section = find("people-section", HTMLElement);
  readonly #title = find("people-title", HTMLElement);
  readonly #list = find("people-list", HTMLElement);
  readonly #hint = find("people-hint", HTMLElement);
  readonly #subtitle = find("subtitle", HTMLElement);
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Shows what the session holds now. */
  render(): void {
    const room = this.#session.current;
    this.#section.hidden = room === undefined;
    setText(this.#subtitle, room?.isJoined === true ? describe(room) : "");
    if (room === undefined) return;
    setText(this.#title, room.memberCount > 0 ? `People (${room.memberCount})` : "People");
    const members = [...room.members].sort((a, b) => a.name.localeCompare(b.name));
    // Few and seldom: made anew, they need no bookkeeping.
    const items = members.slice(0, listedMax).map(({ id, name, joinedAt, connections }) => {
      const item = element("li", { className: "person" });
      item.title = `Here since ${fullTimeText(joinedAt)}`;
      item.append(element("span", { className: "label", dir: "auto" }, name));
      const isOwn = this.#session.isOwn(id);
      const meta = [isOwn ? "you" : "", connections > 1 ? `×${connections}` : ""].join(" ").trim();
      if (meta !== "") item.append(element("span", { className: "meta" }, meta));
      return item;
    });
    arrange(this.#list, items);
    const unnamed = room.memberCount - items.length;
    const hints = [
      unnamed > 0 && items.length > 0 ? `and ${countText(unnamed, "other")}` : "",
      items.length === 0 && unnamed > 0 ? `${countText(unnamed, "person", "people")}` : "",
      room.observers > 0 ? `${countText(room.observers, "observer")} following` : "",
    ];
    setText(this.#hint, hints.filter(Boolean).join(" · "));
  }
}

function describe({ memberCount, observers }: Room): string {
  const people = countText(memberCount, "person", "people");
  return observers > 0 ? `${people}, ${countText(observers, "observer")}` : people;
}
