/** Who is connected: searched, sorted, a page at a time, and sent away. */

import type { ListedConnection } from "../../src/protocol/server-report.ts";
import { arrange, element, find, setText } from "../app/element.ts";
import { countText } from "../app/words.ts";
import { type Column, columns, matches, sort } from "./connection-column.ts";
import type { Listing } from "./connection-list.ts";
import { countOf } from "./quantity.ts";

const rowsMax = 20;

interface Row {
  readonly element: HTMLTableRowElement;
  readonly cells: readonly HTMLElement[];
  connection: ListedConnection;
}

/** Shows one page of what was listed. `onDisconnect` hears which connection is to be ended. */
export class ConnectionTable {
  readonly #table = find("connections-table", HTMLElement);
  readonly #head = find("connections-head", HTMLElement);
  readonly #body = find("connections-body", HTMLElement);
  readonly #hint = find("connections-hint", HTMLElement);
  readonly #search = find("connections-search", HTMLInputElement);
  readonly #place = find("connections-place", HTMLElement);
  readonly #earlier = find("connections-earlier", HTMLButtonElement);
  readonly #later = find("connections-later", HTMLButtonElement);
  readonly #rows = new Map<string, Row>();
  readonly #heads = new Map<Column, HTMLElement>();
  readonly #now: () => number;
  readonly #onDisconnect: (connection: ListedConnection) => void;
  #listing: Listing | undefined;
  #column = columns[3];
  #direction: 1 | -1 = 1;
  #page = 0;

  /** `now` is the server's time, in milliseconds since 1970. */
  constructor(now: () => number, onDisconnect: (connection: ListedConnection) => void) {
    this.#now = now;
    this.#onDisconnect = onDisconnect;
    for (const column of columns) this.#addHead(column);
    this.#head.append(element("th", {}, element("span", { className: "heard" }, "Actions")));
    this.#search.oninput = () => this.#turn(0);
    this.#earlier.onclick = () => this.#turn(this.#page - 1);
    this.#later.onclick = () => this.#turn(this.#page + 1);
  }

  /** True while somebody points at a row or has the focus there: rows must not move away under them. */
  get isHeld(): boolean {
    const canHover = matchMedia("(hover: hover)").matches;
    return (canHover && this.#body.matches(":hover")) || this.#body.matches(":focus-within");
  }

  /** Takes a listing, and shows it. */
  take(listing: Listing): void {
    this.#listing = listing;
    this.render();
  }

  /** Takes a connection out that was ended. */
  remove({ connection: gone }: ListedConnection): void {
    if (this.#listing === undefined) return;
    const connections = this.#listing.connections.filter(({ connection }) => connection !== gone);
    this.take({ ...this.#listing, connections });
  }

  /** Shows the page of now. */
  render(): void {
    const listing = this.#listing;
    if (listing === undefined || this.#column === undefined) return;
    const wanted = this.#search.value.trim().toLowerCase();
    const found = listing.connections.filter((each) => matches(each, wanted));
    const sorted = sort(found, this.#column, this.#direction);
    const pageLast = Math.max(0, Math.ceil(sorted.length / rowsMax) - 1);
    this.#page = Math.min(this.#page, pageLast);
    const first = this.#page * rowsMax;
    const shown = sorted.slice(first, first + rowsMax);
    const now = this.#now();
    const names = new Set(shown.map(({ connection }) => connection));
    for (const name of this.#rows.keys()) if (!names.has(name)) this.#rows.delete(name);
    arrange(
      this.#body,
      shown.map((connection) => this.#renderRow(connection, now)),
    );
    this.#table.hidden = shown.length === 0;
    this.#earlier.hidden = this.#later.hidden = pageLast === 0;
    this.#earlier.disabled = this.#page === 0;
    this.#later.disabled = this.#page === pageLast;
    const range = `${countOf(first + 1)}–${countOf(first + shown.length)}`;
    setText(this.#place, shown.length === 0 ? "" : `${range} of ${countOf(sorted.length)}`);
    setText(this.#hint, describe(listing, found.length, wanted));
    for (const [column, head] of this.#heads) {
      const isChosen = column === this.#column;
      if (!isChosen) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", this.#direction === 1 ? "ascending" : "descending");
    }
  }

  #turn(page: number): void {
    this.#page = Math.max(0, page);
    this.render();
  }

  #addHead(column: Column): void {
    const button = element("button", { type: "button", className: "sort" }, column.label);
    const head = element(
      "th",
      { scope: "col", className: column.isNumber ? "number" : "" },
      button,
    );
    button.onclick = () => {
      // What is looked for in numbers is the largest.
      const first = column.isNumber && column.label !== "Connected" ? -1 : 1;
      this.#direction = column === this.#column ? (this.#direction === 1 ? -1 : 1) : first;
      this.#column = column;
      this.#turn(0);
    };
    this.#heads.set(column, head);
    this.#head.append(head);
  }

  #renderRow(connection: ListedConnection, now: number): HTMLTableRowElement {
    const row = this.#rows.get(connection.connection) ?? this.#createRow(connection);
    row.connection = connection;
    columns.forEach((column, index) => {
      const cell = row.cells[index];
      if (cell === undefined) return;
      setText(cell, column.text(connection, now));
      const hover = column.hover?.(connection) ?? "";
      if (cell.title !== hover) cell.title = hover;
    });
    return row.element;
  }

  #createRow(connection: ListedConnection): Row {
    const cells = columns.map(({ label, isNumber }, index) => {
      const made = element(index === 0 ? "th" : "td", { className: isNumber ? "number" : "" });
      if (index === 0) made.setAttribute("scope", "row");
      made.dataset.label = label;
      return made;
    });
    const end = element("button", { type: "button", className: "quiet danger" }, "Disconnect");
    end.setAttribute("aria-label", `Disconnect ${connection.user.name}`);
    const action = element("td", { className: "action" }, end);
    const row: Row = { element: element("tr", {}, ...cells, action), cells, connection };
    end.onclick = () => this.#onDisconnect(row.connection);
    this.#rows.set(connection.connection, row);
    return row;
  }
}

function describe({ connections, isWhole }: Listing, found: number, wanted: string): string {
  if (connections.length === 0) return "Nobody is connected.";
  const searched = isWhole ? "" : ` among the ${countOf(connections.length)} oldest`;
  if (wanted !== "" && found === 0) return `Nothing matches "${wanted}"${searched}.`;
  if (!isWhole) return `The ${countText(connections.length, "oldest connection")} are listed.`;
  return "";
}
