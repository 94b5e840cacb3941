/** A writer that does not rest before each of its messages is acknowledged, by whichever node. */

import { type PublishTry, toMark } from "./history.ts";
import {
  answerMsMax,
  type Journey,
  noteRefusal,
  noteSilence,
  type Place,
  pickPlace,
  toSocketUrl,
} from "./hop.ts";
import { eventually } from "./poll.ts";

const burstMessages = 20;
const retryMsMax = 100;

/** What is to be published. `bytes` are published over HTTP alone, since a frame of them has no id. */
interface Draft {
  readonly room: string;
  readonly id: string;
  readonly mark: string;
  readonly content: unknown;
  readonly bytes: Uint8Array<ArrayBuffer> | null;
}

export interface HoppingWriterOptions {
  readonly name: string;
  readonly rooms: readonly string[];
  readonly journey: Journey;
  /** Where its tries are noted. */
  readonly tries: PublishTry[];
  /** Milliseconds that it rests at most between two messages. */
  readonly restMsMax: number;
}

/** It writes until `rest`, one message after the other, now and then several at once. */
export class HoppingWriter {
  readonly #options: HoppingWriterOptions;
  readonly #counts = new Map<string, number>();
  /** Some of what was acknowledged, to be published once more. */
  readonly #old: Draft[] = [];
  readonly #ended: Promise<void>;
  #line: SocketLine | null = null;
  #isResting = false;
  #isStopped = false;
  #lines = 0;

  constructor(options: HoppingWriterOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Begins nothing new, and resolves when all is acknowledged. @throws when it is not, in time */
  async rest(deadlineMs = 30_000): Promise<void> {
    this.#isResting = true;
    let isDone = false;
    void this.#ended.then(() => {
      isDone = true;
    });
    try {
      await eventually(`${this.#options.name} is acknowledged`, () => isDone, deadlineMs);
    } finally {
      this.#isStopped = true;
      this.#line?.leave();
    }
  }

  /** Publishes one message into a room at a place, once all else is acknowledged. */
  async publishAt(place: Place, room: string): Promise<void> {
    if (!(await this.#post(this.#compose(room), place)))
      throw new Error(`${place.name} does not store in ${room}`);
  }

  async #run(): Promise<void> {
    const { chance, stayMsMax } = this.#options.journey;
    let leavesAt = 0;
    while (!this.#isResting) {
      if (performance.now() > leavesAt) {
        this.#line?.leave();
        this.#line = null;
        leavesAt = performance.now() + chance.below(stayMsMax);
      }
      const old = chance.isLucky(0.05) ? this.#old[chance.below(this.#old.length)] : undefined;
      if (old !== undefined) await this.#insist([old]);
      const burst = chance.isLucky(0.05) ? burstMessages : 1;
      await this.#insist(Array.from({ length: burst }, () => this.#compose()));
      await Bun.sleep(chance.below(this.#options.restMsMax + 1));
    }
  }

  /** Tries until each is acknowledged. */
  async #insist(drafts: readonly Draft[]): Promise<void> {
    const { chance } = this.#options.journey;
    for (let left = drafts; left.length > 0 && !this.#isStopped; ) {
      const answers = await Promise.all(left.map((draft) => this.#try(draft, left.length > 1)));
      left = left.filter((_, index) => answers[index] !== true);
      if (left.length > 0) await Bun.sleep(chance.below(retryMsMax));
    }
    const [first] = drafts;
    if (first !== undefined && this.#old.length < 500) this.#old.push(first);
  }

  /** Publishes once, or twice at the same moment. Resolves to whether it was acknowledged. */
  async #try(draft: Draft, isBurst: boolean): Promise<boolean> {
    const { journey } = this.#options;
    const { chance } = journey;
    if (isBurst && draft.bytes === null) return await this.#say(draft);
    if (chance.isLucky(0.1)) {
      const here = pickPlace(journey);
      const there = pickPlace(journey, [here.name]);
      const both = await Promise.all([this.#post(draft, here), this.#post(draft, there)]);
      return both.includes(true);
    }
    const isPosted = draft.bytes !== null || chance.isLucky(0.5);
    return isPosted ? await this.#post(draft, pickPlace(journey)) : await this.#say(draft);
  }

  #begin({ room, id, mark }: Draft, node: string, line: string): PublishTry {
    const calledAt = performance.now();
    const returnedAt = Number.POSITIVE_INFINITY;
    const begun = { room, id, mark, node, line, calledAt, returnedAt, acknowledgement: null };
    this.#options.tries.push(begun);
    return begun;
  }

  async #post(draft: Draft, place: Place): Promise<boolean> {
    const { journey, name } = this.#options;
    const { room, id, content, bytes } = draft;
    this.#lines += 1;
    const begun = this.#begin(draft, place.name, `${name} post ${this.#lines}`);
    const type = bytes === null ? "application/json" : "application/octet-stream";
    const headers = { "content-type": type, ...(bytes === null ? {} : { "idempotency-key": id }) };
    const body = bytes ?? JSON.stringify({ content, id });
    const signal = AbortSignal.timeout(answerMsMax);
    const path = `${place.url}/rooms/${room}/messages`;
    try {
      const answer = await fetch(path, { method: "POST", headers, body, signal });
      const { position, duplicate, code, detail } = await answer.json();
      begun.returnedAt = performance.now();
      if (answer.ok) begun.acknowledgement = { position, duplicate };
      else noteRefusal(journey, code, `${detail} (publish)`);
    } catch {
      noteSilence(journey, "no answer to a publish");
    }
    return begun.acknowledgement !== null;
  }

  async #say(draft: Draft): Promise<boolean> {
    const { journey, name } = this.#options;
    if (this.#line === null || this.#line.isClosed) {
      this.#lines += 1;
      const line = `${name} socket ${this.#lines}`;
      this.#line = new SocketLine(line, pickPlace(journey), this.#options.rooms, journey);
    }
    const line = this.#line;
    if (!(await line.joined)) return false;
    const begun = this.#begin(draft, line.place.name, line.name);
    const { id, room, content } = draft;
    return await line.publish(begun, JSON.stringify({ type: "message", room, id, content }));
  }

  #compose(given?: string): Draft {
    const { chance } = this.#options.journey;
    const { name, rooms } = this.#options;
    const room = given ?? rooms[chance.below(rooms.length)] ?? "";
    const count = (this.#counts.get(room) ?? 0) + 1;
    this.#counts.set(room, count);
    const plain = `${name}-${count}`;
    if (chance.isLucky(0.15)) {
      const bytes = Uint8Array.from({ length: chance.below(300) }, () => chance.below(256));
      const mark = toMark(undefined, Buffer.from(bytes).toString("base64"));
      return { room, id: plain, mark, content: undefined, bytes };
    }
    const id = chance.isLucky(0.1) ? `${plain} "é🎈\\n` : plain;
    const content = createContent(plain, chance.below(40));
    return { room, id, mark: toMark(content), content, bytes: null };
  }
}

/** One WebSocket to publish over. It reads nothing but the answers. */
class SocketLine {
  readonly name: string;
  readonly place: Place;
  /** Whether it is in all its rooms. */
  readonly joined: Promise<boolean>;
  isClosed = false;
  readonly #socket: WebSocket;
  readonly #journey: Journey;
  readonly #waiting = new Map<string, { begun: PublishTry; settle: (done: boolean) => void }>();
  #refs = 0;

  constructor(name: string, place: Place, rooms: readonly string[], journey: Journey) {
    this.name = name;
    this.place = place;
    this.#journey = journey;
    const joined = Promise.withResolvers<boolean>();
    this.joined = joined.promise;
    const socket = new WebSocket(toSocketUrl(place));
    this.#socket = socket;
    const timer = setTimeout(() => this.leave(), answerMsMax);
    const outside = new Set(rooms);
    socket.onopen = () => {
      for (const room of rooms) socket.send(JSON.stringify({ type: "join", room }));
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data));
      if (frame.type === "joined") outside.delete(frame.room);
      if (frame.type === "joined" && outside.size === 0) {
        clearTimeout(timer);
        joined.resolve(true);
      }
      if (frame.type === "error") noteRefusal(journey, frame.code, `${frame.message} (publish)`);
      if (frame.type === "error" && frame.ref === undefined) this.leave();
      if (frame.type === "ack" || frame.type === "error") this.#settle(frame);
    };
    socket.onclose = () => {
      clearTimeout(timer);
      this.isClosed = true;
      joined.resolve(false);
      for (const ref of this.#waiting.keys()) this.#settle({ ref });
    };
  }

  /** Resolves to whether it was acknowledged. */
  publish(begun: PublishTry, frame: string): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    if (this.isClosed || this.#socket.readyState !== WebSocket.OPEN) return Promise.resolve(false);
    this.#refs += 1;
    const ref = String(this.#refs);
    this.#waiting.set(ref, { begun, settle: resolve });
    this.#socket.send(`${frame.slice(0, -1)},"ref":"${ref}"}`);
    setTimeout(() => {
      if (this.#waiting.has(ref)) noteSilence(this.#journey, "no acknowledgement");
      if (this.#waiting.has(ref)) this.leave();
    }, answerMsMax);
    return promise;
  }

  /** Drops the connection; what is not answered by then never is. */
  leave(): void {
    (this.#socket as WebSocket & { terminate(): void }).terminate();
  }

  #settle(frame: { ref: string; type?: string; position?: string; duplicate?: boolean }): void {
    const waiting = this.#waiting.get(frame.ref);
    if (waiting === undefined) return;
    this.#waiting.delete(frame.ref);
    const { begun, settle } = waiting;
    if (frame.type !== undefined) begun.returnedAt = performance.now();
    if (frame.type === "ack") {
      const { position = "", duplicate = false } = frame;
      begun.acknowledgement = { position, duplicate };
    }
    settle(begun.acknowledgement !== null);
  }
}

/** Contents of many kinds; each names the message that it is of. */
function createContent(name: string, kind: number): unknown {
  switch (kind) {
    case 0:
      return `${name}${"x".repeat(20_000)}`;
    case 1:
      return `${name}\u001e\n\r\0\u2028 "quoted" \\ é🎈 \ud800`;
    case 2:
      return { name, list: [1, 1.5, -0.1, null, true, { "": [] }] };
    case 3:
      return [name, "\u001e\u001e", "\n"];
    default:
      return name;
  }
}
