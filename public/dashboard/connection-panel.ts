/** The part of the page with the connections: listed anew every few seconds, and sent away one by one. */

import type { ListedConnection } from "../../src/protocol/server-report.ts";
import { find, setText } from "../app/element.ts";
import { disconnect, listConnections } from "./connection-list.ts";
import { ConnectionTable } from "./connection-table.ts";
import { openDisconnectDialog } from "./disconnect-dialog.ts";
import type { Feed } from "./feed.ts";

const refreshMs = 3_000;
/** A thousand more connections cost the server, and may wait, so much more. */
const refreshMsPerThousand = 4_000;

/** Asks for the list while the feed is open and somebody can see it. */
export class ConnectionPanel {
  readonly #note = find("connections-note", HTMLElement);
  readonly #dialog = find("disconnect", HTMLDialogElement);
  readonly #feed: Feed;
  readonly #table: ConnectionTable;
  #isLoading = false;
  #hasListFailed = false;
  #dueAt = 0;

  /** `now` is the server's time, in milliseconds since 1970. */
  constructor(feed: Feed, now: () => number) {
    this.#feed = feed;
    this.#table = new ConnectionTable(now, (connection) => {
      openDisconnectDialog(connection, now(), () => this.#end(connection));
    });
    setInterval(() => this.#refresh(), 500);
  }

  /** Asks soon, whatever was due: the page is seen again, or acts by another token. */
  hasten(): void {
    this.#dueAt = 0;
    this.#refresh();
  }

  async #refresh(): Promise<void> {
    const isSeen = this.#feed.state.kind === "open" && document.visibilityState === "visible";
    const isHeld = this.#table.isHeld || this.#dialog.open;
    if (!isSeen || isHeld || this.#isLoading || performance.now() < this.#dueAt) return;
    this.#isLoading = true;
    const answer = await listConnections(this.#feed.token);
    this.#isLoading = false;
    const count = "connections" in answer ? answer.connections.length : 0;
    this.#dueAt = performance.now() + refreshMs + (count / 1_000) * refreshMsPerThousand;
    if (this.#table.isHeld || this.#dialog.open) return;
    if ("connections" in answer) {
      this.#table.take(answer);
      if (this.#hasListFailed) this.#say("");
      this.#hasListFailed = false;
    } else if (this.#feed.state.kind === "open") {
      this.#say(answer.reason, true);
      this.#hasListFailed = true;
    }
  }

  async #end(listed: ListedConnection): Promise<void> {
    const { name } = listed.user;
    this.#say(`Disconnecting ${name}…`);
    const refusal = await disconnect(this.#feed.token, listed.connection);
    if (refusal !== undefined) {
      return this.#say(`${name} is still connected: ${refusal.reason}`, true);
    }
    this.#table.remove(listed);
    const time = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(Date.now());
    this.#say(`${name} was disconnected at ${time}.`);
    this.#dueAt = Math.max(this.#dueAt, performance.now() + refreshMs / 2);
  }

  #say(text: string, isFailure = false): void {
    setText(this.#note, text);
    this.#note.classList.toggle("failed", isFailure);
  }
}
