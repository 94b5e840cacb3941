/** The rooms in which most happens. */

import type { BusyRoom, ServerStats } from "../../src/protocol/server-report.ts";
import { arrange, element, find, setText } from "../app/element.ts";
import { countText, fullTimeText } from "../app/words.ts";
import { countOf, durationText, nothing, rate } from "./quantity.ts";

interface Row {
  readonly element: HTMLTableRowElement;
  readonly cells: readonly HTMLElement[];
}

/** Shows the busiest rooms, in the server's order. */
export class RoomTable {
  readonly #table = find("rooms-table", HTMLElement);
  readonly #body = find("rooms-body", HTMLElement);
  readonly #hint = find("rooms-hint", HTMLElement);
  readonly #rows = new Map<string, Row>();

  /** Shows a report. */
  render({ busyRooms, rooms, at }: ServerStats): void {
    const names = new Set(busyRooms.map(({ room }) => room));
    for (const name of this.#rows.keys()) if (!names.has(name)) this.#rows.delete(name);
    arrange(
      this.#body,
      busyRooms.map((room) => this.#renderRow(room, at)),
    );
    this.#table.hidden = busyRooms.length === 0;
    const unlisted = rooms - busyRooms.length;
    const empty = "Nobody is in a room. Rooms are listed here as soon as somebody is.";
    const some = `${countText(rooms, "room")} with somebody in ${rooms === 1 ? "it" : "them"}`;
    const more = unlisted > 0 ? `; the ${busyRooms.length} busiest are listed` : "";
    setText(this.#hint, rooms === 0 ? empty : `${some}${more}.`);
  }

  #renderRow(busy: BusyRoom, now: number): HTMLTableRowElement {
    const row = this.#rows.get(busy.room) ?? createRow(busy.room);
    this.#rows.set(busy.room, row);
    const { members, observers, messagesPerSecond, lastActivityAt } = busy;
    const last = lastActivityAt === null ? nothing : `${durationText(now - lastActivityAt)} ago`;
    const texts = [rate.text(messagesPerSecond), countOf(members), countOf(observers), last];
    texts.forEach((text, index) => {
      const cell = row.cells[index];
      if (cell !== undefined) setText(cell, text);
    });
    const time = lastActivityAt === null ? "" : fullTimeText(lastActivityAt);
    if (row.cells[3] !== undefined && row.cells[3].title !== time) row.cells[3].title = time;
    return row.element;
  }
}

function createRow(room: string): Row {
  const cells = ["number", "number", "number extra", "number"].map((className) => {
    return element("td", { className });
  });
  const link = element("a", { href: `./#${encodeURIComponent(room)}` }, room);
  const head = element("th", { scope: "row" }, room.startsWith("$") ? room : link);
  return { element: element("tr", {}, head, ...cells), cells };
}
