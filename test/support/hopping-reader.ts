/** A reader that follows rooms from node to node by its positions, and notes all that it is told. */

import { createParser } from "eventsource-parser";
import type { GapFrame, MessageFrame } from "../../src/protocol/frame.ts";
import { type ReaderHistory, toMark } from "./history.ts";
import {
  answerMsMax,
  type Journey,
  noteRefusal,
  noteSilence,
  type Place,
  pickPlace,
  toSocketUrl,
} from "./hop.ts";

const pageMax = 200;

/** How it reads. */
export type Reading = "websocket" | "sse" | "paging";

/** It reads until `stop`. */
export class HoppingReader {
  readonly histories: readonly ReaderHistory[];
  /** How many connections, or pages, it had. */
  visits = 0;
  readonly #reading: Reading;
  readonly #journey: Journey;
  readonly #rooms = new Map<string, ReaderHistory>();
  /** Where it stands in each room: what it comes back with. */
  readonly #stands = new Map<string, string>();
  readonly #ended: Promise<void>;
  #isStopped = false;
  #isSettled = false;
  #leave: () => void = () => {};

  /** `since` is where it begins, in each of the rooms. */
  constructor(
    name: string,
    reading: Reading,
    rooms: readonly string[],
    since: "start" | "end",
    journey: Journey,
  ) {
    this.#reading = reading;
    this.#journey = journey;
    for (const room of rooms) {
      this.#rooms.set(room, { name: `${name} (${reading})`, room, events: [] });
      this.#stands.set(room, since);
    }
    this.histories = [...this.#rooms.values()];
    this.#ended = this.#run();
  }

  /** Where it stands in a room: a position, or a word before it was told any. */
  stands(room: string): string {
    return this.#stands.get(room) ?? "";
  }

  /** From now on it stays where it is, as long as it is let: what is new has to come to it. */
  settle(): void {
    this.#isSettled = true;
  }

  /** Ends it, and resolves when it notes nothing more. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#leave();
    return this.#ended;
  }

  async #run(): Promise<void> {
    const { chance, stayMsMax, awayMsMax } = this.#journey;
    while (!this.#isStopped) {
      const place = pickPlace(this.#journey);
      this.visits += 1;
      if (this.#reading === "websocket") await this.#visit(place, chance.below(stayMsMax) + 1);
      else if (this.#reading === "sse") await this.#stream(place, chance.below(stayMsMax) + 1);
      else await this.#page(place);
      if (!this.#isStopped) await Bun.sleep(chance.below(awayMsMax));
    }
  }

  /** One connection over WebSocket, left by a close or a cut. */
  #visit(place: Place, stayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = new WebSocket(toSocketUrl(place));
    const asked = new Map<string, { since: string; askedAt: number }>();
    const leave = () => {
      clearTimeout(timer);
      socket.onmessage = socket.onopen = socket.onclose = null;
      if (this.#journey.chance.isLucky(0.5)) socket.close();
      else (socket as WebSocket & { terminate(): void }).terminate();
      resolve();
    };
    const timer = setTimeout(() => this.#leaveUnlessSettled(), stayMs);
    this.#leave = leave;
    socket.onopen = () => {
      for (const [room, since] of this.#stands) {
        asked.set(room, { since, askedAt: performance.now() });
        socket.send(JSON.stringify({ type: "join", room, since, ref: room }));
      }
    };
    socket.onclose = () => {
      noteSilence(this.#journey, "closed");
      leave();
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data));
      const { type, room, position } = frame;
      if (type === "message") this.#message(place, frame);
      else if (type === "gap") this.#gap(place, frame);
      else if (type === "error") {
        noteRefusal(this.#journey, frame.code, `${frame.message} (join)`);
        leave();
      } else if (type === "joined") {
        const { since, askedAt } = asked.get(room) ?? { since: "", askedAt: 0 };
        const { name: node } = place;
        const { recovered } = frame;
        this.#note(room, { kind: "stood", node, askedAt, since, position, recovered });
      }
    };
    return promise;
  }

  /** One event stream of all its rooms. */
  async #stream(place: Place, stayMs: number): Promise<void> {
    const abort = new AbortController();
    this.#leave = () => abort.abort();
    const timer = setTimeout(() => this.#leaveUnlessSettled(), stayMs);
    const rooms = [...this.#stands.keys()].map((room) => `room=${room}`).join("&");
    const id = [...this.#stands].map((each) => each.join("@")).join(",");
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (abort.signal.aborted) return;
        if (event === undefined) this.#message(place, JSON.parse(data));
        else if (event === "gap") this.#gap(place, JSON.parse(data));
        else if (event === "problem") {
          noteRefusal(this.#journey, JSON.parse(data).code, `${data} (stream)`);
        }
      },
    });
    try {
      const { signal } = abort;
      const headers = { "last-event-id": id };
      const answer = await fetch(`${place.url}/events?${rooms}`, { headers, signal });
      if (!answer.ok) return await this.#refused(answer, "stream");
      const decoder = new TextDecoder();
      for await (const bytes of answer.body ?? []) {
        parser.feed(decoder.decode(bytes, { stream: true }));
      }
    } catch {
      if (!abort.signal.aborted) noteSilence(this.#journey, "stream cut");
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  /** One page of each room. */
  async #page(place: Place): Promise<void> {
    for (const [room, since] of this.#stands) {
      if (this.#isStopped) return;
      const limit = this.#journey.chance.below(pageMax) + 1;
      const path = `${place.url}/rooms/${room}/messages?limit=${limit}&since=${since}`;
      const askedAt = performance.now();
      try {
        const answer = await fetch(path, { signal: AbortSignal.timeout(answerMsMax) });
        if (!answer.ok) return await this.#refused(answer, "page");
        const { messages, more, position, gap } = await answer.json();
        if (this.#isStopped) return;
        if (gap) this.#gap(place, gap);
        for (const message of messages) this.#message(place, message);
        const { name: node } = place;
        if (!more) this.#note(room, { kind: "ended", node, askedAt, position });
      } catch {
        noteSilence(this.#journey, "no page");
      }
    }
  }

  #leaveUnlessSettled(): void {
    if (!this.#isSettled) this.#leave();
  }

  async #refused(answer: Response, what: string): Promise<void> {
    const text = await answer.text();
    const code = /"code":"(\w+)"/.exec(text)?.[1] ?? String(answer.status);
    noteRefusal(this.#journey, code, `${text} (${what})`);
  }

  #message({ name: node }: Place, frame: MessageFrame): void {
    const { room, position, id, content, bytes } = frame;
    this.#note(room, { kind: "message", node, position, id, mark: toMark(content, bytes) });
  }

  #gap({ name: node }: Place, { room, reason, from, to }: GapFrame): void {
    this.#note(room, { kind: "gap", node, at: performance.now(), reason, from, to });
  }

  #note(room: string, event: ReaderHistory["events"][number]): void {
    this.#rooms.get(room)?.events.push(event);
    this.#stands.set(room, event.kind === "gap" ? event.to : event.position);
  }
}
