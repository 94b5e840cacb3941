/** Whether the server takes work: at the top always, and in a banner when it does not. */

import type { ServerStats } from "../../src/protocol/server-report.ts";
import type { ConnectionState } from "../app/connection-state.ts";
import { find, setText } from "../app/element.ts";
import { durationText } from "./quantity.ts";

/** Shows readiness, version and uptime. */
export class StatusBar {
  readonly #ready = find("ready", HTMLElement);
  readonly #about = find("about", HTMLElement);
  readonly #unready = find("unready", HTMLElement);
  readonly #title = find("unready-title", HTMLElement);
  readonly #text = find("unready-text", HTMLElement);

  /** Shows the newest report; what it said of readiness is not known once the line is cut. */
  render(stats: ServerStats | undefined, state: ConnectionState): void {
    const isKnown = stats !== undefined && state.kind === "open";
    const reason = isKnown ? stats.unreadyReason : null;
    const load = isKnown ? (loadTexts[stats.loadLevel] ?? "") : "";
    setText(this.#ready, !isKnown ? "" : reason === null ? "Ready" : "Not ready");
    // To be told to stop is no failure.
    const isDraining = reason === "draining";
    this.#ready.classList.toggle("unfit", reason !== null);
    this.#ready.classList.toggle("failed", reason !== null && !isDraining);
    this.#unready.classList.toggle("failing", !isDraining);
    const { version = "", machine = null, worker = null, uptimeMs = 0 } = stats ?? {};
    const which = `${machine === null ? "" : ` · ${machine}`}${worker === null ? "" : ` · worker ${worker}`}`;
    const about = `Partyline ${version}${which} · up ${durationText(uptimeMs)}`;
    setText(this.#about, stats === undefined ? "" : about);
    this.#unready.hidden = reason === null && load === "";
    setText(this.#title, isDraining ? "Draining" : reason === null ? "Overloaded" : "Not ready");
    const why = isDraining ? drainingText : reason === null ? "" : toSentence(reason);
    setText(this.#text, `${why} ${load}`.trim());
    document.title = `${toTitle(reason, state)}Dashboard · Partyline`;
  }
}

/** What is refused, by the level of the load. */
const loadTexts = [
  "",
  "New connections are refused until the load is less.",
  "New connections and reading of history are refused until the load is less.",
  "New connections, reading of history and publishes are refused until the load is less.",
];
const drainingText =
  "The server is going away. It takes no new connections, and sends everybody off to come back later.";

/** A tab that nobody looks into should tell, too. */
function toTitle(unreadyReason: string | null, state: ConnectionState): string {
  if (state.kind === "waiting") return "Not connected · ";
  if (unreadyReason === null) return "";
  return unreadyReason === "draining" ? "Draining · " : "Not ready · ";
}

function toSentence(reason: string): string {
  const text = reason.charAt(0).toUpperCase() + reason.slice(1);
  return `${/[.!?]$/.test(text) ? text : `${text}.`} Load balancers are told to send nobody here.`;
}
