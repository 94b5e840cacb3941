/** The dashboard: puts its parts together, and hands them what the server reports. */

import type { ServerStats } from "../../src/protocol/server-report.ts";
import { Access } from "../app/access.ts";
import { AccessForm } from "../app/access-form.ts";
import { Banner } from "../app/banner.ts";
import { createCommandLine } from "../app/command-line.ts";
import { find } from "../app/element.ts";
import { recallToken, takeTokenOfAddress } from "../app/token.ts";
import { Board } from "./board.ts";
import { ConnectionPanel } from "./connection-panel.ts";
import { Feed } from "./feed.ts";
import { RefusalTable } from "./refusal-table.ts";
import { RoomTable } from "./room-table.ts";
import { StatusBar } from "./status-bar.ts";

const access = new Access();
const board = new Board();
const rooms = new RoomTable();
const refusals = new RefusalTable();
const statusBar = new StatusBar();
const forget = find("forget", HTMLButtonElement);
const tokenNeeded = "The dashboard is for administrators.";
let newest: ServerStats | undefined;
/** By how many milliseconds the server's clock is ahead of this machine's. */
let skewMs = 0;

// The rooms' page may hold a token that goes for this one, too.
const appToken = recallToken(new URL(".", location.href).pathname);
const feed = new Feed(takeTokenOfAddress() ?? recallToken() ?? appToken, {
  onStats(stats) {
    newest = stats;
    skewMs = stats.at - Date.now();
    board.take(stats);
    refusals.take(stats);
    draw();
  },
  onState(state) {
    if (state.kind === "barred") access.lose(feed.token === undefined ? tokenNeeded : state.reason);
    // To connect with another token takes no time that anybody would see.
    if (state.kind === "waiting" || state.kind === "barred") board.interrupt();
    draw();
  },
  onExpiring(secondsLeft) {
    access.warn(secondsLeft);
    draw();
  },
  onAccept(user) {
    access.accept(user, feed.token);
    access.asking = undefined;
    connections.hasten();
  },
});
const connections = new ConnectionPanel(feed, () => Date.now() + skewMs);
const banner = new Banner(feed, "The curves go on once the server is back.");
const accessForm = new AccessForm(
  {
    access,
    whence: "Whoever runs this server makes one that allows “admin” in all rooms:",
    get isBarred() {
      return feed.state.kind === "barred";
    },
    get isEmpty() {
      return newest === undefined;
    },
    authenticate(token) {
      feed.token = token;
      feed.reconnect();
    },
  },
  draw,
);
find("access", HTMLElement).append(createCommandLine("partyline token --user me --room '*=admin'"));
forget.onclick = () => {
  feed.token = undefined;
  access.accept(undefined, undefined);
  newest = undefined;
  feed.reconnect();
};
addEventListener("hashchange", () => {
  const given = takeTokenOfAddress();
  if (given === undefined) return;
  feed.token = given;
  feed.reconnect();
});
document.addEventListener("visibilitychange", () => {
  draw();
  connections.hasten();
});
feed.connect();

function draw(): void {
  // The title and the banner count even where nobody looks: they cost nothing.
  statusBar.render(newest, feed.state);
  accessForm.render();
  banner.render();
  find("page", HTMLElement).hidden = newest === undefined && feed.state.kind === "barred";
  forget.hidden = access.token === undefined;
  forget.title = access.user === undefined ? "" : `You are here as ${access.user.name}.`;
  if (newest === undefined || document.visibilityState !== "visible") return;
  rooms.render(newest);
  refusals.render();
}
