/** A user who is in a room by several tabs that go from node to node, and never all at once. */

import type { Member } from "../../src/protocol/frame.ts";
import type { PresenceEvent, PresenceHistory } from "./history.ts";
import {
  answerMsMax,
  type Journey,
  noteRefusal,
  noteSilence,
  type Place,
  pickPlace,
  toSocketUrl,
} from "./hop.ts";

const beatMs = 500;
const restMsMax = 100;

/**
 * Each tab joins anew before it leaves where it was, so that the user is in the room all the time, at two
 * nodes or more; only when its node dies it is cut. It notes what it is told of who is there.
 */
export class PresentUser {
  readonly name: string;
  readonly histories: readonly PresenceHistory[];
  /** How often a tab took another connection. */
  hops = 0;
  readonly #room: string;
  readonly #token: string;
  readonly #journey: Journey;
  readonly #tabs: (TabLine | null)[];
  readonly #ended: Promise<unknown>;
  #isStopped = false;

  /** `token` is the user's, who may do everything in the room. */
  constructor(name: string, token: string, tabs: number, room: string, journey: Journey) {
    this.name = name;
    this.#room = room;
    this.#token = token;
    this.#journey = journey;
    this.#tabs = Array.from({ length: tabs }, () => null);
    this.histories = this.#tabs.map((_, tab) => ({ name: `${name}'s tab ${tab + 1}`, events: [] }));
    this.#ended = Promise.all(this.#tabs.map((_, tab) => this.#run(tab)));
  }

  /** How many of its tabs are in the room. */
  get tabs(): number {
    return this.#tabs.filter((line) => line !== null && !line.isClosed).length;
  }

  /** Who each tab believes to be there, as far as it is in the room. */
  get views(): readonly { readonly node: string; readonly users: ReadonlySet<string> }[] {
    return this.#tabs.flatMap((line) =>
      line === null || line.isClosed ? [] : [{ node: line.place.name, users: line.users }],
    );
  }

  /** Stays where it is from now on. */
  async settle(): Promise<void> {
    this.#isStopped = true;
    await this.#ended;
  }

  /** Leaves the room. `how` is a close that everybody is told of, or a cut. */
  async stop(how: "close" | "cut" = "close"): Promise<void> {
    await this.settle();
    for (const line of this.#tabs) line?.leave(how);
  }

  /**
   * Where all other tabs are, if that is one place: the user is never at one node alone, since no other
   * node could know of a move that happens while Redis is away.
   */
  #crowdedPlace(tab: number): string[] {
    const others = this.#tabs.filter((line, index) => index !== tab && line?.isClosed === false);
    const places = new Set(others.flatMap((line) => (line === null ? [] : [line.place.name])));
    return places.size === 1 ? [...places] : [];
  }

  async #run(tab: number): Promise<void> {
    const { chance, stayMsMax } = this.#journey;
    const { places } = this.#journey;
    for (let first = places[tab % places.length]; !this.#isStopped; first = undefined) {
      const place = first ?? pickPlace(this.#journey, this.#crowdedPlace(tab));
      const before = this.#tabs[tab] ?? null;
      const line = new TabLine(place, this.#room, this.#token, this.#journey, (event) =>
        this.histories[tab]?.events.push(event),
      );
      if (await line.joined) {
        this.hops += 1;
        this.#tabs[tab] = line;
        before?.leave(chance.isLucky(0.5) ? "close" : "cut");
        const until = performance.now() + chance.below(stayMsMax);
        while (!this.#isStopped && !line.isClosed && performance.now() < until) await Bun.sleep(20);
      } else {
        line.leave("cut");
        if (before?.isClosed === true) this.#tabs[tab] = null;
      }
      await Bun.sleep(chance.below(restMsMax));
    }
  }
}

/** One connection of a tab. */
class TabLine {
  readonly place: Place;
  readonly joined: Promise<boolean>;
  readonly users = new Set<string>();
  isClosed = false;
  readonly #socket: WebSocket;
  readonly #note: (event: PresenceEvent) => void;

  constructor(
    place: Place,
    room: string,
    token: string,
    journey: Journey,
    note: (event: PresenceEvent) => void,
  ) {
    this.place = place;
    this.#note = note;
    const joined = Promise.withResolvers<boolean>();
    this.joined = joined.promise;
    const socket = new WebSocket(toSocketUrl(place), ["partyline.v1", `bearer.${token}`]);
    this.#socket = socket;
    let heardAt = performance.now();
    const beat = setInterval(() => {
      if (performance.now() - heardAt > answerMsMax) {
        noteSilence(journey, "a tab hears nothing");
        this.leave("cut");
      } else if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}');
    }, beatMs);
    socket.onopen = () => socket.send(JSON.stringify({ type: "join", room, ref: "join" }));
    socket.onmessage = ({ data }) => {
      heardAt = performance.now();
      const frame = JSON.parse(String(data));
      if (frame.type === "error") {
        noteRefusal(journey, frame.code, `${frame.message} (tab)`);
        joined.resolve(false);
      } else if (frame.type === "joined") {
        this.#tell("listed", frame.members);
        joined.resolve(true);
      } else if (frame.type === "presence") {
        this.#tell("left", frame.left);
        this.#tell("joined", frame.joined);
      } else if (frame.type === "draining") this.leave("cut");
    };
    socket.onclose = () => {
      clearInterval(beat);
      this.isClosed = true;
      joined.resolve(false);
    };
  }

  /** Tells the room by a close, or drops the connection. */
  leave(how: "close" | "cut"): void {
    this.#socket.onmessage = null;
    if (how === "close") this.#socket.close();
    else (this.#socket as WebSocket & { terminate(): void }).terminate();
  }

  #tell(kind: PresenceEvent["kind"], members: readonly Member[]): void {
    const users = members.map(({ id }) => id);
    for (const user of users) {
      if (kind === "left") this.users.delete(user);
      else this.users.add(user);
    }
    if (kind === "listed" || users.length > 0) {
      this.#note({ kind, at: performance.now(), node: this.place.name, users });
    }
  }
}
