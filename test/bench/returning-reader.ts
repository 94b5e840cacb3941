/** A reader that comes back as the protocol says, over a raw socket: cheap enough to have thousands of. */

import type { Socket } from "bun";
import { FrameReader } from "./frame-reader.ts";
import { handshake, toFrame, toRawFrame } from "./raw-socket.ts";

/** What all readers note together. Times are milliseconds of `performance.now`. */
export interface Journal {
  /** When each try to come back began. */
  readonly attempts: number[];
  /** When each reader was in its room again. */
  readonly returns: number[];
  /** What should not have happened. */
  readonly faults: string[];
  /** What each was told to wait when the server left. */
  readonly delays: number[];
  /** Lines that ended without a word about a drain. */
  cuts: number;
}

export function createJournal(): Journal {
  return { attempts: [], returns: [], faults: [], delays: [], cuts: 0 };
}

const backoffMsMax = 30_000;
const pong = toRawFrame(0xa, new Uint8Array());
const positionMark = Buffer.from('"position":"');

/** Follows one room until `close`, and checks that no message is missing and none comes twice. */
export class ReturningReader {
  readonly #port: number;
  readonly #room: string;
  readonly #isStream: boolean;
  readonly #journal: Journal;
  #epoch = "";
  #socket: Socket | null = null;
  #told: number | undefined;
  #failures = 0;
  #isClosed = false;
  #hasBeen = false;
  /** The offset of the newest message it has; -1 before it stands anywhere. */
  offset = -1;
  isIn = false;

  constructor(port: number, room: string, isStream: boolean, journal: Journal) {
    this.#port = port;
    this.#room = room;
    this.#isStream = isStream;
    this.#journal = journal;
  }

  /** Connects, or comes back. */
  open(): void {
    if (this.#hasBeen) this.#journal.attempts.push(performance.now());
    let text = "";
    let isUpgraded = false;
    const frames = new FrameReader((chunk, start, end) => this.#takeFrame(chunk, start, end));
    let isAnswered = false;
    const onData = (data: Buffer) => {
      const status = isAnswered ? "" : data.toString("latin1", 9, 12);
      isAnswered = true;
      // Not yet: the server leaves, or has too much to do.
      if (status !== "" && status !== (this.#isStream ? "200" : "101")) {
        return void this.#socket?.end();
      }
      if (this.#isStream) {
        text += data.toString("latin1");
        const end = text.lastIndexOf("\n") + 1;
        this.#takeLines(text.slice(0, end));
        text = text.slice(end);
        return;
      }
      if (isUpgraded) return frames.push(data);
      isUpgraded = true;
      const join = { type: "join", room: this.#room, ...this.#since() };
      this.#socket?.write(toFrame(join));
      const end = data.indexOf("\r\n\r\n") + 4;
      if (end < data.length) frames.push(data.subarray(end));
    };
    Bun.connect({
      hostname: "127.0.0.1",
      port: this.#port,
      socket: {
        open: (socket) => {
          this.#socket = socket;
          socket.write(this.#isStream ? this.#request() : handshake(this.#port, "/ws"));
        },
        data: (_, data) => onData(data),
        close: () => this.#leave(),
        connectError: () => this.#leave(),
      },
    }).catch(() => {}); // connectError has heard of it
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.end();
  }

  #since() {
    return this.offset < 0 ? {} : { since: `${this.#epoch}:${this.offset}` };
  }

  #request(): string {
    const last = this.offset < 0 ? "" : `Last-Event-ID: ${this.#epoch}:${this.offset}\r\n`;
    return `GET /rooms/${this.#room}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n${last}\r\n`;
  }

  #takeFrame(chunk: Buffer, start: number, end: number): void {
    const sign = String.fromCharCode(chunk[start + 9] ?? 0); // the type, behind {"type":"
    if (sign === "m" || sign === "j") {
      const at = chunk.indexOf(positionMark, start) + positionMark.length;
      const position = chunk.toString("latin1", at, chunk.indexOf(0x22, at));
      this.#take(position, sign === "m");
      return;
    }
    if (sign !== "g" && sign !== "d") return;
    const frame = JSON.parse(chunk.toString("utf8", start, end));
    if (frame.type === "gap") this.#journal.faults.push(`a gap: ${JSON.stringify(frame)}`);
    if (frame.type !== "draining") return;
    this.#told = frame.reconnectAfterMs;
    this.#socket?.write(pong); // as any library answers the ping behind it
  }

  /** The lines of events; those of the chunked encoding between them are none. */
  #takeLines(text: string): void {
    let event = "";
    for (const line of text.split("\n")) {
      if (line.startsWith("event: ")) event = line.slice(7);
      else if (line.startsWith("data: ") && event !== "") {
        if (event === "gap") this.#journal.faults.push(`a gap: ${line}`);
        if (event === "draining") this.#told = JSON.parse(line.slice(6)).reconnectAfterMs;
        event = "";
      } else if (line.startsWith("id: ")) this.#take(line.slice(4).trim(), this.isIn);
    }
  }

  #take(position: string, isMessage: boolean): void {
    const [epoch = "", digits] = position.split(":");
    const offset = Number(digits);
    if (this.offset >= 0 && epoch !== this.#epoch) this.#journal.faults.push("another epoch");
    if (isMessage ? offset !== this.offset + 1 : this.offset >= 0 && offset !== this.offset) {
      this.#journal.faults.push(`${this.#room}: ${offset} after ${this.offset}`);
    }
    this.#epoch = epoch;
    this.offset = offset;
    if (isMessage) return;
    this.isIn = true;
    this.#failures = 0;
    if (this.#hasBeen) this.#journal.returns.push(performance.now());
    this.#hasBeen = true;
  }

  #leave(): void {
    if (this.#isClosed) return;
    const wasIn = this.isIn;
    this.isIn = false;
    this.#socket = null;
    if (wasIn && this.#told === undefined) this.#journal.cuts += 1;
    if (this.#told !== undefined) this.#journal.delays.push(this.#told);
    const bound = Math.min(backoffMsMax, 1_000 * 2 ** this.#failures);
    const waitMs = this.#told ?? Math.random() * bound;
    if (this.#told === undefined) this.#failures += 1;
    this.#told = undefined;
    setTimeout(() => this.open(), waitMs);
  }
}
