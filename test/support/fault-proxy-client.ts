/** A client that publishes and follows rooms through a fault proxy, and notes what it was told. */

import {
  connect,
  type Line,
  type Message,
  type Room,
  type Transport,
} from "../../src/client/index.ts";
import { ReaderLog } from "./reader-log.ts";

/** More publishes may wait than any run makes: a full queue would refuse some of them. */
const pendingMax = 100_000;
const passing: ReadonlySet<string> = new Set(["unavailable", "draining", "rate_limited"]);
/** One of so many messages is published as bytes. */
const bytesEvery = 7;

/** A publish that was asked for. `position` is null until it is acknowledged. */
export interface Publish {
  readonly room: string;
  readonly content: string;
  position: string | null;
  failure: string | null;
}

export interface FaultProxyClientOptions {
  readonly url: string;
  readonly name: string;
  readonly rooms: readonly string[];
  readonly transport: "auto" | Transport;
  /** Milliseconds after which a wait for the next attempt is cut short; 0 for never. */
  readonly hurryMs: number;
}

/** What one reading of one room told. */
export interface Reading {
  readonly log: ReaderLog;
  readonly contents: string[];
}

/** What was published, whether as JSON or as bytes. */
export function toText({ content, bytes }: Pick<Message, "content" | "bytes">): string {
  return bytes === undefined ? String(content) : new TextDecoder().decode(bytes);
}

/** It writes until `rest`; `close` ends it. */
export class FaultProxyClient implements Disposable {
  readonly name: string;
  readonly line: Line;
  readonly rooms: Room[] = [];
  readonly publishes: Publish[] = [];
  /** What listeners heard, by room. */
  readonly heard = new Map<string, Reading>();
  /** What an iteration gave, by room. */
  readonly iterated = new Map<string, Reading>();
  /** Errors that no call could be told of, and that do not pass by themselves. */
  readonly errors: string[] = [];
  /** States as they came: the name, and the transport of an open line. */
  readonly states: string[] = [];
  #timer: Timer | null = null;
  #hurry: Timer | null = null;
  #unsettled = 0;

  constructor({ url, name, rooms, transport, hurryMs }: FaultProxyClientOptions) {
    this.name = name;
    this.line = connect(url, { transport, username: name, pendingMax });
    this.line.on("error", ({ code, message }) => {
      if (!passing.has(code)) this.errors.push(`${code}: ${message}`);
    });
    this.line.on("state", (state) => {
      this.states.push(state.name === "open" ? `open ${state.transport}` : state.name);
      if (this.#hurry !== null) clearTimeout(this.#hurry);
      if (hurryMs > 0 && state.name === "waiting") {
        this.#hurry = setTimeout(() => this.line.retry(), hurryMs);
      }
    });
    for (const room of rooms) this.join(room);
  }

  /** Follows a room from its first message. */
  join(name: string): void {
    const room = this.line.join(name, { since: "start" });
    const heard = this.#open(this.heard, name, "hears");
    room.on("gap", (gap) => guarded(() => heard.log.gap(gap)));
    room.on("message", (message) => take(heard, message));
    room.on("error", ({ code, message }) => this.errors.push(`${name}: ${code}: ${message}`));
    this.#iterate(room, this.#open(this.iterated, name, "iterates"));
    this.rooms.push(room);
  }

  /** How many publishes are neither acknowledged nor refused. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** Publishes into all its rooms in turn, one message each so many milliseconds, some as bytes. */
  write(everyMs: number): void {
    let count = 0;
    this.#timer = setInterval(() => {
      const room = this.rooms[count % this.rooms.length];
      count += 1;
      const text = `${this.name} ${count}`;
      if (room !== undefined) this.#publish(room, text, count % bytesEvery === 0);
    }, everyMs);
  }

  #publish(room: Room, content: string, isBytes: boolean): void {
    const publish: Publish = { room: room.name, content, position: null, failure: null };
    this.publishes.push(publish);
    this.#unsettled += 1;
    room.publish(isBytes ? new TextEncoder().encode(content) : content).then(
      (position) => {
        this.#unsettled -= 1;
        publish.position = position;
      },
      (thrown: unknown) => {
        this.#unsettled -= 1;
        publish.failure = String(thrown);
      },
    );
  }

  /** Publishes nothing more. */
  rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  [Symbol.dispose](): void {
    this.rest();
    if (this.#hurry !== null) clearTimeout(this.#hurry);
    this.line.close();
  }

  #open(readings: Map<string, Reading>, room: string, how: string): Reading {
    const reading = { log: new ReaderLog(`${this.name} ${how} ${room}`), contents: [] };
    readings.set(room, reading);
    return reading;
  }

  async #iterate(room: Room, reading: Reading): Promise<void> {
    try {
      for await (const message of room) {
        const { gap } = message;
        if (gap !== undefined) guarded(() => reading.log.gap(gap));
        take(reading, message);
      }
    } catch (thrown) {
      this.errors.push(`${room.name} cannot be iterated: ${thrown}`);
    }
  }
}

function take({ log, contents }: Reading, message: Message): void {
  contents.push(toText(message));
  guarded(() => log.message(message.position, message.id));
}

/** A log keeps what it throws; the client must not be disturbed by it. */
function guarded(tell: () => void): void {
  try {
    tell();
  } catch {
    // kept in the log's `failure`
  }
}
