/** The page: puts its parts together, and draws them when something changed. */

import { AccessForm } from "./access-form.ts";
import { Announcer } from "./announcer.ts";
import { Banner } from "./banner.ts";
import { Composer } from "./composer.ts";
import { tokenNeeded } from "./connection-state.ts";
import { enableCopying } from "./copying.ts";
import { renderDashboardLink } from "./dashboard-link.ts";
import { find, setText } from "./element.ts";
import { FileList } from "./file-list.ts";
import { FirstPage } from "./first-page.ts";
import { LiveView } from "./live-view.ts";
import { MessageList } from "./message-list.ts";
import { openNameDialog, openTokenDialog } from "./name-dialog.ts";
import { PeopleList } from "./people-list.ts";
import { RoomList } from "./room-list.ts";
import { Session } from "./session.ts";
import { Sheets } from "./sheets.ts";
import { describeFailure, Switcher } from "./switcher.ts";
import { recallToken, takeTokenOfAddress } from "./token.ts";

const hiddenDrawMs = 250;
const announcer = new Announcer();
let isDrawDue = false;

const token = takeTokenOfAddress() ?? recallToken();
// Relative to the page, so that it works behind a path prefix.
const session = new Session(new URL(".", location.href), token, {
  onChange: drawSoon,
  onNews(room, message) {
    if (room === session.current) announcer.announce(message);
  },
});
const list = new MessageList(session);
const composer = new Composer(session, () => list.scrollToEnd(), drawSoon);
const accessForm = new AccessForm(
  {
    access: session.access,
    whence: "Whoever runs this server can give you one.",
    get isBarred() {
      return session.state.kind === "barred";
    },
    get isEmpty() {
      return session.current === undefined || session.current.log.entries.length === 0;
    },
    authenticate: (given) => session.authenticate(given),
    signOut: () => session.signOut(),
  },
  drawSoon,
);
const roomList = new RoomList(session, openRoom);
const people = new PeopleList(session);
const banner = new Banner(session, "What you write is kept.");
const sheets = new Sheets();
const switcher = new Switcher(session, openRoom);
const firstPage = new FirstPage(session.name, roomOfAddress() ?? "general", (name, room) => {
  if (session.access.token === undefined) session.rename(name);
  openRoom(room);
});
const files = new FileList(session, () => {
  session.access.need(tokenNeeded);
  drawSoon();
});
const live = new LiveView(session);
let shownToken: string | undefined;

const title = find("title", HTMLElement);
const me = find("me", HTMLButtonElement);
const leave = find("leave", HTMLButtonElement);
me.onclick = () => {
  if (session.access.user !== undefined) openTokenDialog(session);
  else openNameDialog(session.name, (name) => session.rename(name));
};
find("jump", HTMLButtonElement).onclick = () => switcher.open();
leave.onclick = () => {
  if (session.current !== undefined) session.leave(session.current);
  openRoom([...session.rooms.keys()][0]);
};
enableCopying(find("messages", HTMLElement));
addEventListener("keydown", press);
addEventListener("hashchange", () => {
  const given = takeTokenOfAddress();
  if (given !== undefined) session.authenticate(given);
  const room = roomOfAddress();
  if (room !== undefined && session.name !== "") openRoom(room);
});
setInterval(() => {
  if (session.limitedUntil + 1_000 > Date.now()) drawSoon(); // a countdown is on the page
}, 500);
document.addEventListener("visibilitychange", drawSoon);
visualViewport?.addEventListener("resize", fitKeyboard);
if (token === undefined) files.show(); // with one, once it was accepted
if (session.name !== "" || token !== undefined)
  openRoom(roomOfAddress() ?? [...session.rooms.keys()][0]);
draw();

function drawSoon(): void {
  if (isDrawDue) return;
  isDrawDue = true;
  // A hidden page gets no frames, but its title still counts what is unread.
  if (document.visibilityState === "visible") requestAnimationFrame(draw);
  else setTimeout(draw, hiddenDrawMs);
}

function draw(): void {
  isDrawDue = false;
  const { current, name, welcome, access } = session;
  if (access.token !== shownToken) {
    shownToken = access.token;
    files.show();
  }
  setText(title, current?.name ?? "Welcome");
  setText(me, name === "" ? "No name yet" : name);
  me.disabled = name === "";
  leave.hidden = current === undefined;
  me.title = access.user === undefined ? "Change your name" : "Your name comes from your token";
  accessForm.render();
  // Over SSE a token's user is told with the first room.
  const givenName = access.token === undefined ? undefined : (access.user?.name ?? "");
  firstPage.render(current === undefined, givenName);
  banner.render();
  roomList.render();
  people.render();
  composer.render(); // before the list: the composer's height decides where the list ends
  list.render();
  live.update();
  renderDashboardLink(access);
  const version = find("version", HTMLElement);
  const number = welcome?.server.version;
  if (number !== undefined) setText(version, `Partyline ${number}`);
}

function openRoom(name: string | undefined): void {
  if (name === undefined) {
    history.replaceState(null, "", location.pathname + location.search);
    return drawSoon();
  }
  session.open(name);
  const address = `#${encodeURIComponent(name)}`;
  if (location.hash !== address) history.pushState(null, "", address);
  sheets.close();
  draw();
  composer.focus();
}

function roomOfAddress(): string | undefined {
  try {
    const name = decodeURIComponent(location.hash.slice(1));
    return name !== "" && describeFailure(name) === undefined ? name : undefined;
  } catch {
    return undefined; // a lone % in the address
  }
}

function press(event: KeyboardEvent): void {
  const { key, altKey, ctrlKey, metaKey } = event;
  if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === "k") switcher.open();
  else if (altKey && key === "ArrowUp") openRoom(roomList.neighbour(-1));
  else if (altKey && key === "ArrowDown") openRoom(roomList.neighbour(1));
  else if (key === "Escape" && sheets.close()) composer.focus();
  else return;
  event.preventDefault();
}

/** A phone's keyboard that does not resize the page covers it: Safari's does. */
function fitKeyboard(): void {
  const height = visualViewport?.scale === 1 ? `${Math.round(visualViewport.height)}px` : "";
  document.documentElement.style.setProperty("--height", height);
  scrollTo(0, 0);
}
